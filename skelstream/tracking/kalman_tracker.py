"""The Kalman tracker: predicted boxes and joints, matched to the people of each frame."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from skelstream.geometry.orientation import nearest_turns
from skelstream.geometry.similarity import box_areas, iou, oks
from skelstream.people import People
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import Skeleton
from skelstream.tracking.appearance import differences
from skelstream.tracking.matching import assign
from skelstream.tracking.track import Track
from skelstream.tracking.tracked import TrackedPeople

# With fewer common joints the OKS counts for less: a single joint may agree by chance.
_ENOUGH_JOINTS = 5
# Seconds after which an expectation counts for half as much.
_HALF_LIFE = 0.1
# Difference in colours up to which a person may well be the track's, and from which they are surely somebody else.
_ALIKE, _UNLIKE = 0.8, 2.0
# Seconds for which the place of a lost person is clear.
_CLEAR = 0.3
_TORSO = ("neck", "shoulder", "hip")

NOT_FOLLOWED = "people are not followed"
"""Words of each warning of a ``KalmanTracker``."""


class KalmanTracker:
    """A ``Tracker`` with one Kalman filter per person.

    Each track's box and joints are predicted to the frame's time and matched to the frame's people by a mix of OKS
    and IoU, in rounds: certain people to confirmed tracks, uncertain people to the remaining tracks (ByteTrack, Zhang
    et al. 2022), the remaining certain people to tentative tracks. Where colours are measured, they settle doubts. A certain person without a track starts one. A
    track that returns after a gap is re-updated (OC-SORT, Cao et al. 2023).

    Args:
        settings: thresholds, times and noise.
        skeleton: joint set of the people.

    Attributes:
        alone: number of frames so far, after the first, that could not be linked to the one before, because the interval before
            them exceeded ``settings.max_interval``.
    """

    def __init__(self, settings: TrackerSettings, skeleton: Skeleton) -> None:
        self.settings = settings
        self.skeleton = skeleton
        # Poses are compared by the body alone: joints of a face are many, and those of hands move by themselves.
        self._compared = list(skeleton.parts.get("body", range(len(skeleton))))
        self._sigmas = np.array(skeleton.oks_sigmas)[self._compared]
        self._torso = np.array([name.rpartition("_")[2] in _TORSO for name in skeleton.joints])
        self._tracks: list[Track] = []
        self._next_id = 1
        self._time: float | None = None
        self._frames = self.alone = 0

    def update(self, frame_index: int, time: float, people: People) -> TrackedPeople:
        """Return the people of a frame that belong to a track, in the given order, with the tracker's boxes.

        Call it for every frame, also for frames without people; see ``Tracker``.
        """
        if not math.isfinite(time):
            raise ValueError(f"frame {frame_index}: the time must be finite, not {time}")
        if people.keypoints.shape[1:] != (len(self.skeleton), 2):
            raise ValueError(
                f"people have {people.keypoints.shape[1:]} keypoints, not {len(self.skeleton)} joints"
            )
        s, first = self.settings, self._time is None
        now = time if self._time is None else max(time, self._time)
        interval = 0.0 if self._time is None else now - self._time
        self._time = now
        alone = s.alone or (interval > s.max_interval and not first)
        self._frames += 1
        self.alone += alone and not first
        self._tracks = [] if alone else [t for t in self._tracks if not t.expired(now)]
        for track in self._tracks:
            track.predict(now)

        needed = 1 if alone else s.needed(interval)
        tracked = self._match(people, needed)
        for person in self._unclaimed(people, tracked):
            tracked[person] = self._start(now, people, person, first or needed == 1)
        if people.colours is not None:
            for person, track in tracked.items():
                track.colours.add(people.colours[person])
        owners = {id(t) for t in tracked.values()}
        for track in self._tracks:
            if id(track) not in owners:
                track.miss()
        return self._result(frame_index, time, people, tracked)

    def end(self) -> None:
        """End all tracks; see ``Tracker``."""
        self._tracks, self._time = [], None

    def expected(self, time: float, searched: Collection[int] = ()) -> People | None:
        """Return where the people found in the last frame should be at ``time``, with their last scores.

        Args:
            time: seconds.
            searched: turns of the views in which detection searches the whole image at ``time``. A person who stands upright in
                one of them and is missed is less credible: the score is halved for each tenth of a second since the last
                frame. Tentative tracks of such people are not expected, because detection has to find them.

        Returns:
            The tracks' joints moved by the predicted motion; None where people cannot be followed to that time, as in
            the first frame.
        """
        if self._time is None or self.settings.alone or time - self._time > self.settings.max_interval:
            return None
        tracks = [t for t in self._tracks if not t.lost]
        poses = np.array([t.seen_keypoints for t in tracks]).reshape(-1, len(self.skeleton), 2)
        seen = np.isin(nearest_turns(poses, self.skeleton), list(searched)).tolist()
        kept = [
            (t, t.last_seen if s else time) for t, s in zip(tracks, seen, strict=True) if t.confirmed or not s
        ]
        return self._predicted([t for t, _ in kept], time, [since for _, since in kept])

    def lost(self, time: float) -> People:
        """Return where the people of lost tracks may be at ``time``, as long as their score, halved for each tenth of a
        second since they were found, is high enough."""
        tracks = [t for t in self._tracks if t.confirmed and t.lost]
        people = self._predicted(tracks, time, [t.last_seen for t in tracks])
        return people.take(people.person_scores >= self.settings.low_score)

    def _predicted(self, tracks: list[Track], time: float, since: list[float]) -> People:
        """Return tracks predicted to ``time``, with scores that fall with the time since ``since`` (seconds, one each)."""
        keypoints = np.array([t.expected_keypoints(time) for t in tracks], np.float32)
        keypoints = keypoints.reshape(-1, len(self.skeleton), 2)
        boxes = np.array([t.box for t in tracks], np.float32).reshape(-1, 4)
        belief = 0.5 ** ((time - np.array(since, np.float64)) / _HALF_LIFE)
        scores = (np.array([t.score for t in tracks]) * belief).astype(np.float32)
        return People(keypoints, np.isfinite(keypoints[..., 0]).astype(np.float32), scores, boxes)

    @property
    def warning(self) -> str | None:
        """A line for the user if frames stood alone; else None."""
        if self._frames < 2:
            return None
        if self.settings.alone:
            return f"{NOT_FOLLOWED}: each image stands alone, and every person in it has a new id"
        if not self.alone:
            return None
        return (
            f"{self.alone} of {self._frames} frames come more than {self.settings.max_interval:g} s after the frame before:"
            f" {NOT_FOLLOWED} over such a gap, and every person after it has a new id"
        )

    def _match(self, people: People, needed: int) -> dict[int, Track]:
        """Match people to tracks, update these tracks, and return the track of each matched person."""
        s = self.settings
        usable = np.isfinite(people.boxes).all(axis=1)
        usable &= people.person_scores >= s.low_score
        certain = self._certain(people)
        high, low = np.flatnonzero(usable & certain), np.flatnonzero(usable & ~certain)
        similarity, weight = self._judged(people)
        confirmed = [i for i, t in enumerate(self._tracks) if t.confirmed]
        tentative = [i for i, t in enumerate(self._tracks) if not t.confirmed]
        tracked: dict[int, Track] = {}

        def match(rows: list[int], columns: np.ndarray, minimum: float) -> None:
            rows = [i for i in rows if self._tracks[i] not in tracked.values()]
            columns = np.array([p for p in columns if p not in tracked], int)
            pairs = np.ix_(np.array(rows, int), columns)
            for r, c in assign(similarity[pairs], minimum, weight[pairs]):
                tracked[int(columns[c])] = self._tracks[rows[r]]

        match(confirmed, high, s.min_similarity)
        match([i for i in confirmed if not self._tracks[i].lost], low, s.min_similarity_low)
        match(tentative, high, s.min_similarity)
        for person, track in tracked.items():
            score = float(people.person_scores[person])
            track.observe(people.keypoints[person], people.boxes[person], needed, score)
        return tracked

    def _judged(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        """Return the similarity of tracks and people, and its weight against that of other pairs, float64 (tracks, people).

        Colours count where position and pose leave a doubt: of several candidates the one that looks alike is preferred, and
        one that looks different continues neither such a track nor one that has been lost for a while.
        """
        s, similarity, weight = self.settings, self._similarity(people), self._coverage(people)
        if people.colours is None or s.appearance_weight == 0 or similarity.size == 0:
            return similarity, weight
        now = self._time or 0.0
        different = differences([t.colours for t in self._tracks], people.colours)
        doubt = np.clip((different - _ALIKE) / (_UNLIKE - _ALIKE), 0, 1)
        weight = weight * (1 - s.appearance_weight * np.nan_to_num(doubt))
        candidate = similarity >= s.min_similarity
        confirmed = np.array([t.confirmed for t in self._tracks])
        contested = (candidate[confirmed].sum(0)[None] > 1) | (candidate.sum(1)[:, None] > 1)
        long_lost = np.array([t.lost and now - t.last_seen > _CLEAR for t in self._tracks])
        unclear = contested | long_lost[:, None]
        return np.where(unclear & (different > s.max_difference), 0.0, similarity), weight

    def _similarity(self, people: People) -> np.ndarray:
        """Return the mix of OKS and IoU, float64 (tracks, people)."""
        if not self._tracks or not len(people):
            return np.zeros((len(self._tracks), len(people)))
        boxes = np.stack([t.box for t in self._tracks])
        mixed = iou(boxes, people.boxes)
        weight = self.settings.oks_weight
        if weight == 0:
            return mixed
        poses = np.stack([t.keypoints for t in self._tracks])
        variance = np.array([t.motion.variance for t in self._tracks])[:, None]
        similarity = self._with_oks(mixed, poses, boxes, people, variance, weight)
        lost = [i for i, t in enumerate(self._tracks) if t.lost]
        if lost:  # An occluded person may have stopped: the last pose counts as well.
            seen = np.stack([self._tracks[i].seen_keypoints for i in lost])
            stayed = self._with_oks(mixed[lost], seen, boxes[lost], people, 0.0, weight)
            similarity[lost] = np.maximum(similarity[lost], stayed)
        return similarity

    def _coverage(self, people: People) -> np.ndarray:
        """Return how much of a track's pose a person has, as a weight float64 (tracks, people).

        Where grouping splits a person, each piece fits the joints that it has; the larger one keeps the identity.
        """
        if self.settings.oks_weight == 0:
            return np.ones((len(self._tracks), len(people)))
        has = np.isfinite(people.keypoints[:, self._compared, 0])
        wanted = np.array([np.isfinite(t.keypoints[self._compared, 0]) for t in self._tracks])
        wanted = wanted.reshape(-1, has.shape[1])
        common, joints = wanted.astype(int) @ has.T.astype(int), wanted.sum(1)[:, None]
        share = np.divide(common, joints, out=np.ones(common.shape), where=(joints > 0) & (common > 0))
        return np.sqrt(share)

    def _with_oks(
        self,
        overlap: np.ndarray,
        poses: np.ndarray,
        boxes: np.ndarray,
        people: People,
        variance: np.ndarray | float,
        weight: float,
        joint_weights: np.ndarray | None = None,
    ) -> np.ndarray:
        # The larger of both boxes, because one of them may show only a part of the person.
        areas = np.maximum(box_areas(boxes)[:, None], box_areas(people.boxes)[None])
        joints = self._compared
        weights = None if joint_weights is None else joint_weights[:, joints]
        alike, common = oks(
            poses[:, joints], people.keypoints[:, joints], areas, self._sigmas, variance, weights
        )
        share = weight * np.minimum(common / _ENOUGH_JOINTS, 1)
        return share * alike + (1 - share) * overlap

    def _certain(self, people: People) -> np.ndarray:
        """Return which people may start a track by the joints of their bodies, bool (P,)."""
        body = replace(people, scores=people.scores[:, self._compared])
        return body.certainty >= self.settings.high_certainty

    def _unclaimed(self, people: People, tracked: dict[int, Track]) -> list[int]:
        """Return the certain people without a track who do not duplicate another person."""
        s = self.settings
        usable = np.isfinite(people.boxes).all(axis=1) & (people.person_scores >= s.low_score)
        usable &= self._certain(people)
        taken = list(tracked)
        free: list[int] = []
        for person in np.flatnonzero(usable).tolist():
            if person in tracked:
                continue
            one, others = people.take([person]), people.take(taken)
            # By joints alone, where there are any: within one frame they tell people apart even when boxes overlap.
            # Joints with low scores count little.
            overlap = iou(others.boxes, one.boxes)
            alike = self._with_oks(
                overlap,
                others.keypoints,
                others.boxes,
                one,
                variance=0.0,
                weight=1.0,
                joint_weights=one.scores,
            )
            if not (alike > self.settings.duplicate_similarity).any():
                free.append(person)
                taken.append(person)
        return free

    def _start(self, time: float, people: People, person: int, confirmed: bool) -> Track:
        keypoints, box = people.keypoints[person], people.boxes[person]
        score = float(people.person_scores[person])
        track = Track(self._next_id, time, keypoints, box, self._torso, self.settings, confirmed, score)
        self._next_id += 1
        self._tracks.append(track)
        return track

    def _result(
        self, frame_index: int, time: float, people: People, tracked: dict[int, Track]
    ) -> TrackedPeople:
        rows = np.array(sorted(tracked), int)
        boxes = np.array([tracked[p].box for p in rows], np.float32).reshape(-1, 4)
        return TrackedPeople(
            frame_index,
            time,
            replace(people.take(rows), boxes=boxes),
            np.array([tracked[p].track_id for p in rows], np.int32),
            np.array([tracked[p].confirmed for p in rows], bool),
        )
