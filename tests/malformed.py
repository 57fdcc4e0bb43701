"""Input that means nothing: flags, configuration files and environments, written down and drawn at random."""

import random
from dataclasses import dataclass, field
from pathlib import Path

LONG, WIDE = "a" * 9000, "9" * 5000

FILES: dict[str, bytes] = {
    "binary": bytes(range(256)),
    "picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "latin1": "# \u00e9\nbatch_size: 64\n".encode("latin-1"),
    "half_utf16": "temperature: 1".encode("utf-16")[:-1],
    "integer_key": b"1: 2\n",
    "date_key": b"2020-01-01: 2\n",
    "null_key": b"~: 2\n",
    "key_of_a_part": b"trainer: {1: 2}\n",
    "key_of_a_tag": b"tags: {1: b}\n",
    "list_key": b"? [1, 2]\n: 3\n",
    "empty_key": b'"": 3\n',
    "dots": b"trainer..max_steps: 3\n",
    "part_of_itself": b"&a\ntrainer: *a\n",
    "tag_of_itself": b"tags: &a {x: *a}\n",
    "list_of_itself": b"temperature: &a [*a]\n",
    "deep": b"trainer: " + b"{a: " * 2000 + b"1" + b"}" * 2000,
    "deep_list": b"[" * 1500 + b"]" * 1500,
    "deep_tags": b"tags: " + b"{a: " * 60 + b"1" + b"}" * 60,
    "bomb": b"a: &a {x: 1, y: 1}\n"
    + b"".join(
        f"{c}: &{c} {{{', '.join(f'k{i}: *{b}' for i in range(99))}}}\n".encode()
        for b, c in zip("abcd", "bcde", strict=True)
    ),
    "wide": f"seed: {WIDE}\n".encode(),
    "hexadecimal": f"seed: 0x{'f' * 5000}\n".encode(),
    "scalar": b"3",
    "list": b"- 3\n",
    "two": b"seed: 4\n---\nseed: 5\n",
    "python": b"seed: !!python/object/apply:os.getcwd []\n",
    "wrong_integer": b'seed: !!int ""\n',
    "wrong_date": b"seed: 2020-13-45\n",
    "unclosed": b"trainer: {max_steps: 3\n",
    "tab": b"trainer:\n\tmax_steps: 3\n",
    "alias": b"seed: *nowhere\n",
    "part_is_text": b"trainer: hello\n",
    "part_is_list": b"trainer: [1]\n",
    "kind_is_list": b"optimizer: {kind: [adam]}\n",
    "kind_is_null": b"optimizer: {kind: }\n",
    "kind_is_number": b"optimizer.kind: 3\n",
    "number_is_date": b"temperature: 2020-01-01\n",
    "number_is_set": b"temperature: !!set {a, b}\n",
    "number_is_binary": b"temperature: !!binary aGVsbG8=\n",
    "own_flag": b"resume: abc\n",
    "tags_are_a_list": b"tags: [1]\n",
    "tag_of_odd_letters": b'tags: {"a=$": x}\n',
    "tag_without_name": b'tags: {"": x}\n',
    "tag_that_climbs": b'tags: {"a/../b": x}\n',
    "tag_too_long": f"tags: {{a: {LONG}}}\n".encode(),
    "tag_name_too_long": f"tags: {{{LONG[:300]}: x}}\n".encode(),
    "tag_is_number": b"tags: {a: 1}\n",
}
FLAGS = [
    [f"--{name}", value]
    for name, values in {
        "temperature": ["", "1e308", "5e-324", "nan", "-inf", "{}", "[1]", "0x10", "\u0665 ", "-1e-3"],
        "seed": ["-1", str(2**64), WIDE, "1.5", "1e3"],
        "batch_size": ["0", "1", "63.5", WIDE, str(2**40)],
        "name": ["", " ", "../../..", "/etc", "a/../b", "a\nb", "a\\b", LONG, "\udcff"],
        "optimizer": ["3", "{", "[]", '{"kind": 3}', '{"kind": null}', '{"kind": []}', '{"kind": {"a": 1}}'],
        "optimizer.kind": ["", "a:b", "os:system", ":", "nowhere.py:Adam", "adamant"],
        "optimizer.learning_rate": ["1e308", "0", "-1"],
        "trainer": ["{}", '{"max_steps": {}}', '{"1": 1', '{"a":' * 3000 + "1" + "}" * 3000],
        "trainer.max_steps": ["-1", WIDE[:23], "1_", "\u00bd"],
        "trainer.threads": ["1000000", "-1", str(2**31)],
        "trainer.devices": ["0", "1000000", "1000", "63"],
        "trainer.num_nodes": ["0", "2", "64"],
        "trainer.accelerator": ["tpu", ""],
        "trainer.accumulate": ["0", WIDE[:23], "63"],
        "trainer.evaluation_batches": ["0", WIDE[:23]],
        "trainer.checkpoint_every": ["0", WIDE[:23]],
        "trainer.progress_bar": ["maybe", "2"],
        "trainer.average": ["1.1", "nan"],
        "json": ["", "/", ".", "/dev/null/x.json", f"/{LONG}"],
        "resume": ["", "'", "%", "\udcff", "nothing"],
        "init_from": ["", "/", "/nowhere.ckpt", "binary.yaml", "binary.ckpt"],
        "config": ["", ".", "/nowhere", "/dev/zero", f"/{LONG}"],
        "help": ["nothing", LONG],
        "system": ["3", '{"temperature": 1}'],
        "": ["3"],
        ".": ["3"],
        "..": ["3"],
        "-temperature": ["3"],
        "\u00e9": ["3"],
        "kind": ["adam"],
        "optimizer.kind.kind": ["adam"],
        "tags": ['{"a": 1}', "x"],
    }.items()
    for value in values
] + [
    ["temperature=4"], ["-temperature", "3"], ["--temperature"], ["--resume"], ["--optimizer.kind"],
    ["--temperature", "4", "5"], ["--temperature=4=5"], ["--config", "good.yaml", "--config", "good.yaml"],
    ["--print_config", "x"],
]  # fmt: skip
ENVIRONMENTS = [
    {name: value}
    for name, values in {
        "VFE_HOME": ["/dev/null", "/dev/null/x", "~nobody_of_this_name/x", f"/{LONG}", "/proc/nowhere"],
        "MLFLOW_TRACKING_URI": [
            "nonsense", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory",
            "sqlite:////", "sqlite:////dev/null/a.db", "ftp://x", "http://", "http://[::1", "http://x:port",
            "postgresql://u:p@h:99999999/db", "postgresql+nodriver://u:p@127.0.0.1:9/db", "file:///tmp", "://",
            "%", "http://127.0.0.1:9", "databricks", " ",
        ],
        "RANK": ["abc", "", "-1", "1.0", "\u0661", "1_0", LONG],
        "LOCAL_RANK": ["", "0x1"],
        "NODE_RANK": ["node3"],
        "WORLD_SIZE": ["-1", "0", "two"],
        "SLURM_NTASKS": ["foo", "2(x3)"],
        "SLURM_PROCID": [" ", WIDE],
        "SLURM_NNODES": ["1-2"],
        "MASTER_PORT": ["xyz", "0", "65536"],
        "OMP_NUM_THREADS": ["abc", "0", "-2", "2,,2"],
        "CUDA_VISIBLE_DEVICES": ["zzz", "0;1", "GPU"],
    }.items()
    for value in values
]  # fmt: skip
FRAGMENTS = [
    "", " ", "-1", "0", "nan", "-inf", "1e400", "1e-400", "0x10", "{", "{}", "[]", "[1", "null", "~", "true",
    "\u00e9", "\udcff", WIDE, LONG, "'", '"', "a\nb", "../..", "%s", "{0}", "--", "=", "adam", "gpu", "a:b",
    "!!int", "&a *a", ":", "\x1b[31m", "$HOME", "2020-01-01", "\u0661", "1,2", "1:2",
]  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One command line with its environment."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def write_files(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / f"{name}.yaml").write_bytes(content)
    (folder / "good.yaml").write_bytes(b"temperature: 0.5\n")
    (folder / "binary.ckpt").write_bytes(FILES["binary"])


def written() -> list[Input]:
    """Those that mean nothing at all: each is to be refused. The files are in the working directory."""
    files = [Input(["--config", f"{name}.yaml"]) for name in FILES]
    return [*files, *map(Input, FLAGS), *(Input([], environment) for environment in ENVIRONMENTS)]


def drawn(dice: random.Random, names: list[str], folder: Path) -> Input:
    """One at random, which may even mean something: flags, or a file that is made of a good one."""
    if dice.random() < 0.5:
        return Input([word for _ in range(dice.randint(1, 3)) for word in _flag(dice, names)])
    path = folder / f"drawn_{dice.getrandbits(64)}.yaml"
    lines = [f"{dice.choice(names)}: {dice.choice(FRAGMENTS)}" for _ in range(dice.randint(1, 4))]
    content = bytearray("\n".join(lines).encode(errors="surrogateescape"))
    for _ in range(dice.randint(0, 3)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    path.write_bytes(content)
    return Input(["--config", str(path)])


def _flag(dice: random.Random, names: list[str]) -> list[str]:
    name = dice.choice([*names, dice.choice(FRAGMENTS)])
    return dice.choice(
        [[f"--{name}", dice.choice(FRAGMENTS)], [f"--{name}={dice.choice(FRAGMENTS)}"], [f"--{name}"]]
    )
