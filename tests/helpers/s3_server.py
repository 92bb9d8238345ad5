"""S3-compatible server in a process of its own: moto's, with a bucket for each test."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.error import URLError

from attrs import frozen

SECRET = "object-store-secret"


@frozen
class Bucket:
    """Bucket of the server; `url` is what a user names."""

    endpoint: str
    name: str

    @property
    def url(self) -> str:
        """Return the URL of the bucket."""
        return f"s3://{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that obstore reads, as the tools of AWS do."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-north-1",
            "AWS_ACCESS_KEY_ID": "object-store-key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    @property
    def client(self) -> Any:
        """Return the client of AWS's own library for this server."""
        return _client(self.endpoint)

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


@cache  # each one parses megabytes of JSON
def _client(endpoint: str) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-north-1",
        aws_access_key_id="object-store-key",
        aws_secret_access_key=SECRET,
    )


@contextmanager
def running_server() -> Iterator[str]:
    """Run moto's server and return its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(endpoint)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def new_bucket(endpoint: str) -> Bucket:
    """Create a bucket of a name of its own."""
    bucket = Bucket(endpoint, f"calls-{secrets.token_hex(4)}")
    location = {"LocationConstraint": "eu-north-1"}
    bucket.client.create_bucket(Bucket=bucket.name, CreateBucketConfiguration=location)
    return bucket


def _wait(endpoint: str) -> None:
    for _ in range(300):
        with suppress(URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5).close()
            return
        time.sleep(0.1)
    raise TimeoutError("moto did not start")
