"""Reports: comparisons of runs, HTML pages and figures made from files on disk."""
