"""The files by which a kernel of aarch64 describes a machine, as far as libraries read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BASE = "fp asimd evtstrm"
_APPLE_M1 = (
    f"{_BASE} aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop "
    "sha3 asimddp sha512 asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg dcpodp flagm2 frint"
)
_APPLE_M2 = f"{_APPLE_M1} i8mm bf16 bti ecv"
_CORTEX_A72 = f"{_BASE} crc32 cpuid"
# Level, type and size of the caches of a machine whose firmware tells them.
_CACHES = ((1, "Data", "32K"), (1, "Instruction", "48K"), (2, "Unified", "1024K"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Cores of one kind.

    Attributes:
        cores: How many.
        implementer: Of the architecture, 0x61 for Apple.
        part: Of the implementer.
        variant: Of the part.
        revision: Of the variant.
        features: As `/proc/cpuinfo` lists them.
    """

    cores: int
    implementer: int
    part: int
    variant: int
    revision: int
    features: str

    @property
    def midr(self) -> int:
        """The main ID register."""
        return (
            self.implementer << 24 | self.variant << 20 | 0xF << 16 | self.part << 4 | self.revision
        )


M1 = (Cluster(4, 0x61, 0x022, 1, 1, _APPLE_M1), Cluster(4, 0x61, 0x023, 1, 1, _APPLE_M1))
M2 = (Cluster(4, 0x61, 0x032, 1, 0, _APPLE_M2), Cluster(4, 0x61, 0x033, 1, 0, _APPLE_M2))
PI = (Cluster(4, 0x41, 0xD08, 0, 3, _CORTEX_A72),)

_X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu sse2 avx2\n\n"


def trees() -> dict[str, dict[str, str]]:
    """Machines by name; of each, the text of every file by its path below the root."""
    lists = _lists(8)
    return {
        "m1": _tree(M1),
        "m2": _tree(M2),
        "pi": _tree(PI, has_caches=True),
        "nothing": {},
        "m1-without-sys": {"proc/cpuinfo": _cpuinfo(M1)},
        "no-cpuinfo": lists,
        "x86-cpuinfo": {"proc/cpuinfo": _X86, **lists},
        "empty-cpuinfo": {"proc/cpuinfo": "", **lists},
        "empty-cpuinfo-without-sys": {"proc/cpuinfo": ""},
    }


def lay(files: dict[str, str], folder: Path) -> None:
    """Write a tree."""
    # What a process always sees of itself, and photond asks for.
    mounts = {"proc/self/mountinfo": "1 0 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"}
    for name, text in (mounts | files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")
    (folder / "sys").mkdir(exist_ok=True)


def _tree(clusters: tuple[Cluster, ...], *, has_caches: bool = False) -> dict[str, str]:
    count = sum(cluster.cores for cluster in clusters)
    files = {"proc/cpuinfo": _cpuinfo(clusters), **_lists(count)}
    for number, (index, cluster) in enumerate(_cores(clusters)):
        first = number - index
        siblings = f"{first}-{first + cluster.cores - 1}\n"
        cpu = f"sys/devices/system/cpu/cpu{number}"
        files |= {
            f"{cpu}/topology/core_id": f"{index}\n",
            f"{cpu}/topology/physical_package_id": "0\n",
            f"{cpu}/topology/cluster_cpus_list": siblings,
            f"{cpu}/topology/core_siblings_list": f"0-{count - 1}\n",
            f"{cpu}/topology/thread_siblings_list": f"{number}\n",
            f"{cpu}/regs/identification/midr_el1": f"{cluster.midr:#018x}\n",
        }
        if has_caches:
            files |= _caches(cpu, number, siblings)
    return files


def _caches(cpu: str, number: int, siblings: str) -> dict[str, str]:
    return {
        f"{cpu}/cache/index{place}/{name}": text
        for place, (level, kind, size) in enumerate(_CACHES)
        for name, text in {
            "level": f"{level}\n",
            "type": f"{kind}\n",
            "size": f"{size}\n",
            "shared_cpu_list": siblings if kind == "Unified" else f"{number}\n",
            "coherency_line_size": "64\n",
        }.items()
    }


def _cpuinfo(clusters: tuple[Cluster, ...]) -> str:
    return "".join(
        f"processor\t: {number}\nBogoMIPS\t: 48.00\nFeatures\t: {cluster.features}\n"
        f"CPU implementer\t: {cluster.implementer:#04x}\nCPU architecture: 8\n"
        f"CPU variant\t: {cluster.variant:#x}\nCPU part\t: {cluster.part:#05x}\n"
        f"CPU revision\t: {cluster.revision}\n\n"
        for number, (_, cluster) in enumerate(_cores(clusters))
    )


def _cores(clusters: tuple[Cluster, ...]) -> Iterator[tuple[int, Cluster]]:
    """Every core, by its place in its cluster."""
    return ((index, cluster) for cluster in clusters for index in range(cluster.cores))


def _lists(count: int) -> dict[str, str]:
    cpus = "sys/devices/system/cpu"
    all_cores = dict.fromkeys(
        (f"{cpus}/{name}" for name in ("possible", "present", "online")), f"0-{count - 1}\n"
    )
    return {**all_cores, f"{cpus}/kernel_max": f"{count - 1}\n"}
