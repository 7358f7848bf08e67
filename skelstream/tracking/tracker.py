"""The tracker: people of successive frames in, people with identities out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from skelstream.geometry.similarity import box_areas, iou, oks
from skelstream.people import People
from skelstream.skeleton import Skeleton
from skelstream.tracking.matching import assign
from skelstream.tracking.settings import TrackerSettings
from skelstream.tracking.track import Track
from skelstream.tracking.tracked import TrackedPeople

# With fewer common joints than this the OKS counts for less: one joint that happens to agree proves little.
_ENOUGH_JOINTS = 5
# Seconds in which an expectation counts for half as much.
_HALF_LIFE = 0.1
_TORSO = ("neck", "shoulder", "hip")


class Tracker:
    """Follows the people of one video.

    Tracking by detection: every track's box and joints are predicted to the frame's time, then assigned to
    the frame's people by a mix of OKS and IoU, in rounds: certain people to confirmed tracks, others
    to the tracks left (ByteTrack, Zhang et al. 2022), the rest of the certain ones to tentative tracks.
    Who is certain and left starts a track. A track that returns after a gap is re-updated (OC-SORT, Cao et al.
    2023).

    Args:
        settings: thresholds and times.
        skeleton: the joint set of the people.

    Attributes:
        alone: number of frames so far, after the first, that nobody could be followed to: the step of time
            before them was longer than ``settings.max_step``.
    """

    def __init__(self, settings: TrackerSettings, skeleton: Skeleton) -> None:
        self.settings = settings
        self.skeleton = skeleton
        self._sigmas = np.array(skeleton.oks_sigmas)
        self._torso = np.array([name.rpartition("_")[2] in _TORSO for name in skeleton.joints])
        self._tracks: list[Track] = []
        self._next_id = 1
        self._time: float | None = None
        self._frames = self.alone = 0

    def update(self, frame_index: int, time: float, people: People) -> TrackedPeople:
        """The identities of one frame's people; to be called for every frame, empty ones too.

        Args:
            frame_index: number of the frame in the source, handed through.
            time: seconds; a time before that of the last frame counts as the same time.
            people: the frame's people; a person may have a box alone, its keypoints all NaN.

        Returns:
            The people that belong to a track, in the order given, with the boxes the tracker believes in.
        """
        if not math.isfinite(time):
            raise ValueError(f"frame {frame_index}: the time must be finite, not {time}")
        if people.keypoints.shape[1:] != (len(self.skeleton), 2):
            raise ValueError(
                f"people have {people.keypoints.shape[1:]} keypoints, not {len(self.skeleton)} joints"
            )
        s, first = self.settings, self._time is None
        now = time if self._time is None else max(time, self._time)
        step = 0.0 if self._time is None else now - self._time
        self._time = now
        alone = s.max_step == 0 or (step > s.max_step and not first)
        self._frames += 1
        self.alone += alone and not first
        self._tracks = [] if alone else [t for t in self._tracks if not t.expired(now)]
        for track in self._tracks:
            track.predict(now)

        needed = 1 if alone else s.needed(step)
        tracked = self._match(people, needed)
        for person in self._unclaimed(people, tracked):
            tracked[person] = self._start(now, people, person, first or needed == 1)
        owners = {id(t) for t in tracked.values()}
        for track in self._tracks:
            if id(track) not in owners:
                track.miss()
        return self._result(frame_index, time, people, tracked)

    def expected(self, time: float, searched: bool = False) -> People | None:
        """Where the people who were seen in the last frame should be at ``time``; nothing is changed by asking.

        Args:
            time: seconds.
            searched: whether people are looked for in the whole image at ``time``. Who is then not found is believed
                less: scores are halved for each tenth of a second since the last frame. Tentative tracks are not
                expected then, as they have to be found.

        Returns:
            The tracks' joints, carried along with their motion, and their last scores; None where nobody can be
            followed to that time, as in a source's first frame.
        """
        if self._time is None or self.settings.max_step == 0 or time - self._time > self.settings.max_step:
            return None
        tracks = [t for t in self._tracks if (t.confirmed or not searched) and not t.lost]
        return self._carried(tracks, time, [t.last_seen if searched else time for t in tracks])

    def lost(self, time: float) -> People:
        """Where the people who were missed in the last frame should be at ``time``, as long as they are believed in:
        their scores are halved for each tenth of a second since they were seen."""
        tracks = [t for t in self._tracks if t.confirmed and t.lost]
        people = self._carried(tracks, time, [t.last_seen for t in tracks])
        return people.take(people.person_scores >= self.settings.low_score)

    def _carried(self, tracks: list[Track], time: float, since: list[float]) -> People:
        """Tracks at a time to come, believed less the longer ago ``since`` is, a time in seconds for each."""
        keypoints = np.array([t.expected_keypoints(time) for t in tracks], np.float32)
        keypoints = keypoints.reshape(-1, len(self.skeleton), 2)
        boxes = np.array([t.box for t in tracks], np.float32).reshape(-1, 4)
        belief = 0.5 ** ((time - np.array(since, np.float64)) / _HALF_LIFE)
        scores = (np.array([t.score for t in tracks]) * belief).astype(np.float32)
        return People(keypoints, np.isfinite(keypoints[..., 0]).astype(np.float32), scores, boxes)

    @property
    def warning(self) -> str | None:
        """A line for the user if frames stood alone, else None."""
        if self._frames < 2:
            return None
        if self.settings.max_step == 0:
            return "nobody was followed: each image stands alone, and everyone in it has an id of their own"
        if not self.alone:
            return None
        return (
            f"{self.alone} of {self._frames} frames come more than {self.settings.max_step:g} s after the one before:"
            " nobody can be followed to them, and everyone in them has a new id"
        )

    def _match(self, people: People, needed: int) -> dict[int, Track]:
        """Person -> track for everyone who continues a track; the tracks are updated."""
        s = self.settings
        usable = np.isfinite(people.boxes).all(axis=1)
        usable &= people.person_scores >= s.low_score
        certain = people.certainty >= s.high_certainty
        high, low = np.flatnonzero(usable & certain), np.flatnonzero(usable & ~certain)
        similarity, coverage = self._similarity(people), self._coverage(people)
        confirmed = [i for i, t in enumerate(self._tracks) if t.confirmed]
        tentative = [i for i, t in enumerate(self._tracks) if not t.confirmed]
        tracked: dict[int, Track] = {}

        def match(rows: list[int], columns: np.ndarray, minimum: float) -> None:
            rows = [i for i in rows if self._tracks[i] not in tracked.values()]
            columns = np.array([p for p in columns if p not in tracked], int)
            pairs = np.ix_(np.array(rows, int), columns)
            for r, c in assign(similarity[pairs], minimum, coverage[pairs]):
                tracked[int(columns[c])] = self._tracks[rows[r]]

        match(confirmed, high, s.min_similarity)
        match([i for i in confirmed if not self._tracks[i].lost], low, s.min_similarity_low)
        match(tentative, high, s.min_similarity)
        for person, track in tracked.items():
            score = float(people.person_scores[person])
            track.observe(people.keypoints[person], people.boxes[person], needed, score)
        return tracked

    def _similarity(self, people: People) -> np.ndarray:
        """float64 (tracks, people): the mix of OKS and IoU."""
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
        if lost:  # Who went behind something may have stopped there: the last pose counts as well.
            seen = np.stack([self._tracks[i].seen_keypoints for i in lost])
            stayed = self._with_oks(mixed[lost], seen, boxes[lost], people, 0.0, weight)
            similarity[lost] = np.maximum(similarity[lost], stayed)
        return similarity

    def _coverage(self, people: People) -> np.ndarray:
        """float64 (tracks, people): a weight for how much of a track's pose a person has.

        Where the grouping splits a person, each piece fits the joints that it has; the larger carries the identity.
        """
        if self.settings.oks_weight == 0:
            return np.ones((len(self._tracks), len(people)))
        has = np.isfinite(people.keypoints[..., 0])
        wanted = np.array([np.isfinite(t.keypoints[:, 0]) for t in self._tracks]).reshape(-1, has.shape[1])
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
        # The larger of both boxes: one of them may show a part of the person only.
        areas = np.maximum(box_areas(boxes)[:, None], box_areas(people.boxes)[None])
        alike, common = oks(poses, people.keypoints, areas, self._sigmas, variance, joint_weights)
        share = weight * np.minimum(common / _ENOUGH_JOINTS, 1)
        return share * alike + (1 - share) * overlap

    def _unclaimed(self, people: People, tracked: dict[int, Track]) -> list[int]:
        """Certain people without a track who are not a second detection of someone."""
        s = self.settings
        usable = np.isfinite(people.boxes).all(axis=1) & (people.person_scores >= s.low_score)
        usable &= people.certainty >= s.high_certainty
        taken = list(tracked)
        free: list[int] = []
        for person in np.flatnonzero(usable).tolist():
            if person in tracked:
                continue
            one, others = people.take([person]), people.take(taken)
            # By the joints alone, where they are known: within one frame they say who is who, and people embrace.
            # Joints that are guessed rather than seen say little of that.
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
