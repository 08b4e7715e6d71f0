"""Splashes over time: following them from frame to frame, and scoring their tracks."""

from mmseg_splashkd.evaluation.following.follower import Followed, Follower
from mmseg_splashkd.evaluation.following.scores import TrackScores, score_tracks
from mmseg_splashkd.evaluation.following.settings import TRACKERS, FollowSettings
from mmseg_splashkd.evaluation.following.table import TrackedBlob, read_blobs
from mmseg_splashkd.evaluation.following.track import Track

__all__ = [
    "TRACKERS",
    "FollowSettings",
    "Followed",
    "Follower",
    "Track",
    "TrackScores",
    "TrackedBlob",
    "read_blobs",
    "score_tracks",
]
