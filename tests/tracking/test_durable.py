"""Files that are whole or not there, and damage that is seen."""

import os
from collections import Counter

import pytest
import torch
from processes import BRIEF
from seeds import MOVED

from vfe_lightning.tracking import durable
from vfe_lightning.tracking.durable import checksum_of, damage, publish

OLD, NEW = ({"x": torch.full((40,), 0.1 + i)} for i in range(2))


def saved(folder, state):
    unfinished = folder / "a.part"
    torch.save(state, unfinished)
    return unfinished


def flipped(path, start: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    for i in range(start, start + length):
        content[i] ^= 0xFF
    path.write_bytes(content)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.ckpt"
    publish(saved(tmp_path, OLD), path)
    assert damage(path) is None
    return path


def test_no_flipped_byte_goes_unseen(path):
    whole = path.read_bytes()
    for start in range(0, len(whole), 7):
        flipped(path, start, 1)
        assert "SHA-256" in (damage(path) or "")
        path.write_bytes(whole)
    path.write_bytes(whole[:-1])
    assert damage(path)


def test_files_of_earlier_versions_have_a_weaker_checksum_of_their_own(path):
    checksum_of(path).unlink()
    assert damage(path) is None
    content = path.read_bytes()
    numbers = content.index(OLD["x"].numpy().tobytes())
    for start in (numbers, numbers + 4 * (MOVED % 40)):
        flipped(path, start, 1)
        assert damage(path) == "its CRC-32 is wrong"
        torch.load(path, weights_only=True)  # which sees nothing
        path.write_bytes(content)
    path.write_bytes(content[: len(content) // 2])
    assert damage(path) == "it is cut short or no checkpoint"


def test_sha256sum_reads_the_checksum(path):
    digest, name = checksum_of(path).read_text().rstrip("\n").split("  ")
    assert name == path.name and len(digest) == 64


def test_whenever_it_stops_one_of_the_two_is_there_and_intact(path, monkeypatch):
    """Stopped before each call that changes the disk: the first, the second, ... until none is left."""

    class Stopped(Exception):
        pass

    calls = [(os, "fsync"), (os, "replace")]
    before, made = len(list(path.parent.iterdir())), []
    for n in range(100):
        done = []

        def counting(function, name, n=n, done=done):
            def called(*arguments):
                if len(done) == n:
                    raise Stopped
                done.append(name)
                return function(*arguments)

            return called

        publish(saved(path.parent, OLD), path)
        unfinished = saved(path.parent, NEW)
        with monkeypatch.context() as patched:
            for owner, name in calls:
                patched.setattr(owner, name, counting(getattr(owner, name), name))
            try:
                publish(unfinished, path)
                break
            except Stopped:
                found = torch.load(path, weights_only=True)["x"]
                assert damage(path) is None
                made.append(torch.equal(found, NEW["x"]))
    assert made == sorted(made) and set(made) == {False, True}
    assert done[0] == "fsync" and done[done.index("replace") + 1] == "fsync" == done[-1]
    assert torch.equal(torch.load(path, weights_only=True)["x"], NEW["x"])
    assert len(list(path.parent.iterdir())) == before


def test_a_checkpoint_is_read_once_before_the_trainer_reads_it(client, monkeypatch):
    short = BRIEF.vary(**{"trainer.max_steps": 5, "trainer.evaluation_batches": 2})
    run_id = short.run().run_id
    read = Counter()

    def counted(function):
        def called(path, *arguments, **named):
            read[function.__name__, os.path.basename(path)] += 1
            return function(path, *arguments, **named)

        return called

    monkeypatch.setattr(durable, "_sha256", counted(durable._sha256))
    monkeypatch.setattr(torch, "load", counted(torch.load))
    with monkeypatch.context() as stopped:
        stopped.setattr("vfe_lightning.run.Run.train", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            short.vary(**{"trainer.max_steps": 6}).run(resume=run_id)
    assert read == {("_sha256", "step_00000005.ckpt"): 1, ("load", "step_00000005.ckpt"): 1}
