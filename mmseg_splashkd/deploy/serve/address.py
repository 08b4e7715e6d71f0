"""Where a server listens, and by which names it may be asked."""

import errno
import ipaddress
import re
import socket
from collections.abc import Sequence

from mmseg_splashkd.deploy.serve.guard import LOOPBACK

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def hosts_of(host: str, allowed: Sequence[str]) -> frozenset[str]:
    """Names that the header ``Host`` may have.

    Args:
        host: Name or address of an interface.
        allowed: Further names, each without port, IPv6 addresses in brackets.

    Returns:
        These and those of this machine, in lower case.

    Raises:
        ValueError: A name is none, or there is none for an interface that others reach.
    """
    names = [name.lower() for name in allowed]
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(
                f"--allow-host {name!r}: give a name or an address as browsers show "
                f"it, without scheme and port, such as splash.example.org or [::1]"
            )
    if not names and not is_loopback(host):
        raise ValueError(
            f"--host {host} can be reached from other machines: name by --allow-host "
            f"what they call this one, such as --allow-host {socket.gethostname()}; "
            f"nothing asks for a password"
        )
    return frozenset((*LOOPBACK, *names))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: Name or address of an interface.
        port: Port from 0 to 65535; 0: any that is free.

    Raises:
        ValueError: The port is out of range, in use or not allowed by the system, or
            the host is not of this machine.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"--port {port}: give a number from 0 (any) to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(found[0][4][:2], family=found[0][0])
    except socket.gaierror as error:
        raise ValueError(
            f"--host {host} is no name or address of this machine ({error.strerror})"
        ) from error
    except OSError as error:
        raise ValueError(_why(host, port, error)) from error


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use by another program: name another one by "
            f"--port, or take --port 0 for any that is free"
        )
    if error.errno == errno.EACCES:
        return f"port {port} is for the system: name one from 1024 by --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine: name another one"
    return f"port {port} of {host} cannot be taken ({error.strerror})"


def url_of(listener: socket.socket) -> str:
    """Address of the page, with the port that was chosen."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
