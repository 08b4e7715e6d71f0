"""Models of other libraries as segmentors of MMSegmentation."""
