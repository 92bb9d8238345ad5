"""Objects in a store: S3 and what speaks its protocol, Google Cloud Storage, Azure.

    await roistat.calls.download_recording(call, to="s3://bucket/calls/1234.mp3")
    await sync_recordings(roistat, "calls.db", "s3://bucket/calls")

obstore reads the credentials from the environment, as the tools of each cloud do. For others pass
an ObjectFolder with a store of your own. A recording is received into an unnamed temporary file and
checked there; the upload begins only then, so an object is complete or absent.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlsplit

from attrs import field, frozen

from ..errors import ConfigurationError, DownloadError, SyncError
from ..extras import import_extra
from ..files.part_file import PartFile
from ..files.paths import make_folder
from ..files.threads import run_in_thread, shielded
from ..models.downloads import Download

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az", "file")
"""Schemes of the URLs that name a place in a store."""
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_REFUSED = ("PermissionDeniedError", "UnauthenticatedError")
_NO_ACCESS = "the store refuses it; check the credentials, and the right to read and write here"
_TRY_AGAIN = "try again later"
_STATUS = re.compile(r"status code: ([0-9]{3})")
_READ_SIZE = 1024 * 1024  # bytes read from the temporary file at a time
_UPLOAD_SIZE = 5 * 1024 * 1024  # bytes of a request, above which there are several; the least of S3


@frozen
class ObjectVersion:
    """Version of an object, by which a store knows whether it was replaced."""

    e_tag: str | None
    version: str | None = field(eq=False)  # of Google Cloud Storage, which compares it

    @property
    def condition(self) -> UpdateVersion:
        """The condition that an object still has this version."""
        condition: UpdateVersion = {}
        if self.e_tag is not None:
            condition["e_tag"] = self.e_tag
        if self.version is not None:
            condition["version"] = self.version
        return condition


@frozen
class StoredObject:
    """Content of an object, and its version."""

    data: bytes
    version: ObjectVersion


@frozen
class ObjectFolder:
    """Place in an object store below which objects are written; `url` is its name in texts."""

    store: ObjectStore
    url: str

    @classmethod
    def from_url(cls, url: str) -> ObjectFolder:
        """Open `s3://bucket/prefix`, `gs://…`, `az://…` or `file:///folder`.

        Raises ConfigurationError for another URL, and if the extra `objects` is missing.
        """
        check_url(url)
        url = url.rstrip("/")
        from_url = import_extra("obstore.store", extra="objects").from_url
        try:
            if url.startswith("file://"):
                make_folder(Path(urlsplit(url).path))
            return cls(from_url(url), url)
        except Exception as error:  # its text is about the settings, and has no value of them
            reason = str(error).partition("\n")[0]
        raise ConfigurationError(f"{url} cannot be opened: {reason}")

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, key: str) -> ObjectPath:
        return ObjectPath(self, Path(key))

    def url_of(self, key: Path | str) -> str:
        """Return the URL of an object."""
        return f"{self.url}/{Path(key).as_posix()}"

    def open_part(self, target: Path) -> PartFile:
        """Return a file that becomes an object when it is published."""
        return _ObjectPart(target, self)

    async def size_of(self, key: Path) -> int | None:
        """Return the size of an object, None if there is none."""
        import obstore

        with self._errors(key):
            try:
                return int((await obstore.head_async(self.store, key.as_posix()))["size"])
            except FileNotFoundError:
                return None

    async def read(self, key: Path) -> AsyncIterator[bytes]:
        """Yield the bytes of an object."""
        import obstore

        with self._errors(key):
            response = await obstore.get_async(self.store, key.as_posix())
            async for chunk in response.stream():
                yield bytes(chunk)

    async def write(self, key: Path, chunks: AsyncIterator[bytes]) -> None:
        """Write an object; it exists only if all chunks were sent.

        A small one is a single request. A cancellation while its parts are sent removes them; while
        the last request is under way, it waits for its end.
        """
        import obstore

        with self._errors(key):
            # One part at a time: the writer aborts only what `write` waits for, not its `close`.
            writer = obstore.open_writer_async(
                self.store, key.as_posix(), buffer_size=_UPLOAD_SIZE, max_concurrency=1
            )
            await writer.__aenter__()
            try:
                async for chunk in chunks:
                    await writer.write(chunk)
            except BaseException as error:
                with suppress(Exception):  # the first error says more than that of the abort
                    await shielded(writer.__aexit__(type(error), error, None))
                raise
            await shielded(writer.__aexit__(None, None, None))

    def get(self, key: str) -> StoredObject | None:
        """Return an object, None if there is none; this blocks."""
        import obstore

        with self._blocking_errors(key):
            try:
                response = obstore.get(self.store, key)
                version = _version(response.meta)  # read first: obstore 0.6 drops it with the bytes
                return StoredObject(bytes(response.bytes()), version)
            except FileNotFoundError:
                return None

    def put(
        self, key: str, data: bytes | memoryview, *, replaces: ObjectVersion | None
    ) -> ObjectVersion | None:
        """Write an object by one request, which leaves it whole or absent; this blocks.

        Return None, and write nothing, unless the object has the version `replaces` (None: there is
        none). A store whose settings exclude such conditions writes it in any case.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        condition: PutMode = "create" if replaces is None else replaces.condition
        content = bytes(data)  # obstore takes a memoryview for an iterable
        with self._blocking_errors(key):
            try:
                result = obstore.put(self.store, key, content, mode=condition, use_multipart=False)
            except NotImplementedError:
                result = obstore.put(self.store, key, content, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                # The response to an attempt that wrote it may have been lost.
                stored = self.get(key)
                return stored.version if stored is not None and stored.data == content else None
            return _version(result)

    def version_of(self, key: str) -> ObjectVersion | None:
        """Return the version of an object, None if there is none; this blocks."""
        import obstore

        with self._blocking_errors(key):
            try:
                return _version(obstore.head(self.store, key))
            except FileNotFoundError:
                return None

    def names(self, prefix: str) -> list[str]:
        """Return the last parts of the keys and prefixes directly below a prefix; this blocks."""
        import obstore

        with self._blocking_errors(prefix):
            listed = obstore.list_with_delimiter(self.store, prefix or None)
        keys = [*listed["common_prefixes"], *(item["path"] for item in listed["objects"])]
        return [key.rpartition("/")[2] for key in keys]

    @contextmanager
    def _errors(self, key: Path) -> Iterator[None]:
        """Raise DownloadError for an error of the store, whose own text may show an account."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            reason = _reason(error)
        else:
            return
        raise DownloadError(f"{self.url_of(key)}: {reason}", path=key)

    @contextmanager
    def _blocking_errors(self, key: str) -> Iterator[None]:
        """Raise SyncError for an error of the store."""
        try:
            with self._errors(Path(key)):
                yield
        except DownloadError as error:
            problem = str(error)
        else:
            return
        raise SyncError(problem, temporary=_TRY_AGAIN in problem)


@frozen
class ObjectPath:
    """Object that a recording is saved as: `folder / "2026/1234.mp3"`."""

    folder: ObjectFolder
    key: Path


class _ObjectPart(PartFile):
    """File without a name that is uploaded by `publish`; the system removes it in any case."""

    def __init__(self, target: Path, folder: ObjectFolder) -> None:
        super().__init__(target)
        self._folder = folder
        self._file: IO[bytes] | None = None

    async def publish(self, chunks: Sequence[bytes] = ()) -> Download:
        """Upload the file, with its last chunks, under the key that its target is."""
        self.update_hash(chunks)
        size = self.size + sum(map(len, chunks))
        await self._folder.write(self.target, self._all_chunks(chunks))
        return Download(self.target, size, self.sha256, url=self._folder.url_of(self.target))

    async def _all_chunks(self, last: Sequence[bytes]) -> AsyncIterator[bytes]:
        for offset in range(0, self.size, _READ_SIZE):
            yield await run_in_thread(partial(self.read, offset, _READ_SIZE))
        for chunk in last:
            yield chunk

    def _create(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `_close` closes it
        self._fd = self._file.fileno()

    def _close(self) -> None:
        file, self._file, self._fd = self._file, None, -1
        if file is not None:
            file.close()


def is_url(text: object) -> TypeGuard[str]:
    """Return whether a text names a place in an object store, and not a folder."""
    return isinstance(text, str) and _URL.match(text) is not None


def open_folder(folder: str | os.PathLike[str] | ObjectFolder) -> ObjectFolder | Path:
    """Return the folder in a store that is named, or the path of a folder of this machine."""
    if isinstance(folder, ObjectFolder):
        return folder
    return ObjectFolder.from_url(folder) if is_url(folder) else Path(folder)


def open_path(target: str | os.PathLike[str] | ObjectPath) -> ObjectPath | Path:
    """Return the object that is named, or the path of a file of this machine."""
    if isinstance(target, ObjectPath):
        return target
    if not is_url(target):
        return Path(target)
    folder, _, name = target.rpartition("/")
    if not name or folder.endswith("/"):
        raise ConfigurationError("name an object below a bucket, like s3://bucket/1234.mp3")
    return ObjectFolder.from_url(folder) / name


def check_url(url: str) -> None:
    """Raise ConfigurationError for a URL that names no place in a store, or has a secret."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(
            f"unknown store {parts.scheme}://; use {', '.join(f'{name}://' for name in SCHEMES)}, "
            "or pass an ObjectFolder"
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{parts.scheme}:// must have neither a user nor a query: credentials belong in the "
            "environment"
        )
    if not parts.netloc and parts.scheme != "file":
        raise ConfigurationError(
            f"{parts.scheme}:// lacks a bucket: {parts.scheme}://bucket/prefix"
        )


def _reason(error: Exception) -> str:
    """Return what happened in words of ours."""
    kind = type(error).__name__
    if isinstance(error, PermissionError) or kind in _REFUSED:
        return _NO_ACCESS
    if isinstance(error, FileNotFoundError):
        return "the bucket or the object does not exist"
    status = _STATUS.search(str(error))
    if status is not None and status[1] in ("401", "403"):
        return _NO_ACCESS
    return f"the store failed ({f'status {status[1]}' if status else kind}); {_TRY_AGAIN}"


def _version(result: Mapping[str, Any]) -> ObjectVersion:
    return ObjectVersion(result.get("e_tag"), result.get("version"))
