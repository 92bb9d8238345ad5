"""S3-compatible server in a process of its own: moto's, with a bucket for each test."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from attrs import frozen

from tests.helpers import forked

SECRET = "object-store-secret"
_KEY, _REGION = "object-store-key", "eu-north-1"


@frozen
class Bucket:
    """Bucket of the server; `url` is what a user names."""

    client: Any
    name: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def endpoint(self) -> str:
        return str(self.client.meta.endpoint_url)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that obstore reads, as the tools of AWS do."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": _REGION,
            "AWS_ACCESS_KEY_ID": _KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
        }  # fmt: skip

    def list_keys(self) -> list[str]:
        """Return the keys of all objects."""
        objects = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(item["Key"] for item in objects)

    def list_uploads(self) -> list[str]:
        """Return the keys of multipart uploads that were neither completed nor aborted."""
        uploads = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return sorted(item["Key"] for item in uploads)

    def read(self, key: str) -> bytes:
        """Return the bytes of an object."""
        body: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body


@contextmanager
def running_server() -> Iterator[Any]:
    """Run moto's server; yield the client of AWS's own library for it."""
    import boto3

    keys = {"aws_access_key_id": _KEY, "aws_secret_access_key": SECRET}
    with forked.process(_serve) as (_, connection):
        yield boto3.client("s3", endpoint_url=connection.recv(), region_name=_REGION, **keys)


def _serve(connection: Connection) -> None:
    from moto.server import ThreadedMotoServer

    logging.disable()  # it logs each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    connection.send(f"http://{host}:{port}")
    connection.poll(None)  # until the tests end


def new_bucket(client: Any) -> Bucket:
    """Create a bucket of a name of its own."""
    name = f"calls-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": _REGION})
    return Bucket(client, name)
