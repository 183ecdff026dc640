"""Small file systems of our own, to fill up and to cut the power of. Needs root."""

import atexit
import ctypes
import fcntl
import os
import subprocess

from .cases import Skip
from .engine import temporary_directory

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
SHUTDOWN_NO_LOG_FLUSH = 2       # neither data nor journal reaches the disk any more


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Skip(f"{' '.join(command)}: {done.stderr.strip()}")


class Disk:
    """A mounted file system with .path; gone when the tests end."""

    def __init__(self, kind, mebibytes):
        if os.geteuid() != 0:
            raise Skip("mounting needs root")
        self.kind = kind
        self.home = temporary_directory("boxoffice-disk-")
        self.path = os.path.join(self.home, "mount")
        self.image = os.path.join(self.home, "image")
        os.mkdir(self.path)
        self.mounted = False
        atexit.register(self.unmount)
        if kind == "tmpfs":
            _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", self.path)
            self.mounted = True
        else:
            with open(self.image, "wb") as image:
                image.truncate(mebibytes << 20)
            _run("mkfs.ext4", "-q", "-F", self.image)
            self.mount()

    def mount(self):
        _run("mount", "-o", "loop", self.image, self.path)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.path], capture_output=True, timeout=60, check=False)
            self.mounted = False

    def resize(self, mebibytes):
        _run("mount", "-o", f"remount,size={mebibytes}m", self.path)

    def free_bytes(self):
        space = os.statvfs(self.path)
        return space.f_bavail * space.f_bsize

    def cut_power(self):
        """From now on nothing reaches the disk, and what was not synced never will."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, ctypes.c_uint32(SHUTDOWN_NO_LOG_FLUSH))
        finally:
            os.close(descriptor)
