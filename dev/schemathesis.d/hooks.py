"""What dev/schemathesis adds to schemathesis: members, real files, and a report by operation.

Owns the data behind the requests: a member with a photo, a video and an audio file that are ready. Half of the requests get real ids,
tokens and bodies in place of made-up ones, so that successful responses are checked too; the others stay as they were made.
Invariant: a request that ends an account, a session or a file gets one of its own, so that the others keep theirs.
"""

import atexit
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import requests
import schemathesis

SITE = os.environ["TUTTI_URL"]
REPORT = os.environ["TUTTI_REPORT"]
PASSWORD = "correct horse battery staple"
# The order of the requests is the same in each run with one seed, so these choices are too.
CHOICES = random.Random(os.environ.get("TUTTI_SEED", "1"))


class Member:
    """A new account with a session."""

    count = 0

    def __init__(self):
        Member.count += 1
        self.handle = f"member{Member.count}"
        body = {"handle": self.handle, "email": f"{self.handle}@example.org", "password": PASSWORD}
        signed_in = call("POST", "/v1/accounts", json=body).json()
        self.token = signed_in["access_token"]
        self.refresh_token = signed_in["refresh_token"]

    @property
    def headers(self):
        return {"authorization": f"Bearer {self.token}"}

    def send(self, path):
        """Sends a file and returns its id."""
        headers = self.headers | {"content-type": "application/octet-stream"}
        with open(path, "rb") as file:
            return call("POST", "/v1/media", headers=headers, data=file.read()).json()["id"]

    def begin_upload(self):
        headers = self.headers | {"tus-resumable": "1.0.0", "upload-length": str(len(PHOTO))}
        return call("POST", "/v1/uploads", headers=headers).headers["location"].rsplit("/", 1)[1]


def call(method, path, **options):
    """Sends a request that must succeed: without this data, the run would check error responses only."""
    response = requests.request(method, SITE + path, timeout=30, **options)
    if not response.ok:
        sys.exit(f"schemathesis: {method} {path} answered {response.status_code}: {response.text[:300]}")
    return response


def make_files():
    """Makes a photo, a video and an audio file, and returns their paths."""
    made = {
        "photo.jpg": "-f lavfi -i testsrc2=size=64x48 -frames:v 1",
        "video.mp4": "-f lavfi -i testsrc2=size=320x240:rate=25:duration=2 -f lavfi -i sine=duration=2 -pix_fmt yuv420p",
        "audio.mp3": "-f lavfi -i sine=duration=2",
    }
    for name, arguments in made.items():
        path = os.path.join(FOLDER.name, name)
        subprocess.run(["ffmpeg", "-v", "error", *arguments.split(), path], check=True, stdin=subprocess.DEVNULL)
        yield path


def wait_until_ready(ids):
    """Returns the views of the items when all of them can be played, after a minute at most."""
    until = time.monotonic() + 60
    while True:
        views = [call("GET", f"/v1/media/{id}", headers=ADA.headers).json() for id in ids]
        if all(view["state"] == "ready" for view in views):
            return views
        if time.monotonic() > until:
            sys.exit(f"schemathesis: the files were not ready in time: {views}")
        time.sleep(0.1)


FOLDER = tempfile.TemporaryDirectory()
FILES = list(make_files())
with open(FILES[0], "rb") as file:
    PHOTO = file.read()
CAPTIONS = b"WEBVTT\n\n00:00.000 --> 00:01.000\nEveryone plays.\n"
ADA = Member()
VIEWS = wait_until_ready([ADA.send(path) for path in FILES])
# Which of them has the address that ends so.
KIND = {"image": "photo", "captions": "video", "hls": "video", "poster": "video", "storyboard": "video", "waveform": "audio"}
BY_KIND = {view["kind"]: view for view in VIEWS}
# An operation that ends what it is called with.
ENDS_THE_SESSION = {
    "DELETE /v1/me",
    "DELETE /v1/sessions",
    "DELETE /v1/sessions/current",
    # Its id may be that of the session that another operation listed.
    "DELETE /v1/sessions/{id}",
    "POST /v1/me/password",
}


@schemathesis.serializer("application/offset+octet-stream", "text/vtt", "image/*", "video/*", "audio/*")
def bytes_as_they_are(ctx, value):
    if isinstance(value, list):
        return bytes(byte % 256 for byte in value if isinstance(byte, int))
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    label = case.operation.label
    if CHOICES.random() < 0.1:
        return  # as it was made: without a token, or with one that is none
    member = Member() if label in ENDS_THE_SESSION else ADA
    case.headers["Authorization"] = f"Bearer {member.token}"
    if label == "DELETE /v1/media/{id}" and case.path_parameters.get("id") in {view["id"] for view in VIEWS}:
        case.path_parameters["id"] = member.send(FILES[0])
    elif CHOICES.random() < 0.5:
        use_real_data(label, case, member)


def use_real_data(label, case, member):
    method, path = label.split(" ", 1)
    parameters = case.path_parameters or {}
    if path.startswith("/v1/media/{id}"):
        kind = KIND.get(path.split("/")[4]) if path.count("/") > 3 else None
        view = BY_KIND.get(kind) or CHOICES.choice(VIEWS)
        parameters["id"] = member.send(FILES[0]) if label == "DELETE /v1/media/{id}" else view["id"]
        if "rendition" in parameters:
            parameters["rendition"], parameters["file"] = CHOICES.choice(
                [("v240", "playlist.m3u8"), ("v240", "init.mp4"), ("v240", "0.m4s"), ("audio", "playlist.m3u8"), ("audio", "0.m4s")]
            )
        if "sheet" in parameters:
            parameters["sheet"] = "0.jpg"
        if "lang" in parameters:
            use_real_captions(method, case, parameters)
        if method == "GET":
            (case.query or {}).pop("t", None)
    elif path == "/v1/files/{name}":
        url = urlsplit(CHOICES.choice(VIEWS)["urls"]["file"])
        parameters["name"] = url.path.rsplit("/", 1)[1]
        case.query = (case.query or {}) | {"t": parse_qs(url.query)["t"][0]}
    elif path == "/v1/uploads/{id}":
        parameters["id"] = member.begin_upload()
        case.headers["Tus-Resumable"] = "1.0.0"
        case.headers["Upload-Offset"] = "0"
        case.headers.pop("Upload-Checksum", None)
        if method == "POST":
            case.headers["X-HTTP-Method-Override"] = CHOICES.choice(["PATCH", "DELETE", "HEAD"])
        if method in ("PATCH", "POST"):
            case.body, case.media_type = PHOTO, "application/offset+octet-stream"
    elif path == "/v1/uploads":
        case.headers["Tus-Resumable"] = "1.0.0"
        case.headers["Upload-Length"] = str(len(PHOTO))
    elif path == "/v1/media" and method == "POST":
        case.body, case.media_type = PHOTO, "application/octet-stream"
    elif path == "/v1/accounts/{handle}":
        parameters["handle"] = ADA.handle
    elif path == "/v1/sessions/{id}":
        member = Member()
        parameters["id"] = call("GET", "/v1/sessions", headers=member.headers).json()["items"][0]["id"]
        case.headers["Authorization"] = f"Bearer {member.token}"
    elif isinstance(case.body, dict):
        use_real_secrets(path, case, member)


def use_real_captions(method, case, parameters):
    parameters["lang"] = "en"
    if method == "PUT":
        case.body, case.media_type = CAPTIONS, "text/vtt"
    else:
        path = f"/v1/media/{parameters['id']}/captions/en"
        call("PUT", path, headers=ADA.headers | {"content-type": "text/vtt"}, data=CAPTIONS)


def use_real_secrets(path, case, member):
    if path == "/v1/accounts":
        Member.count += 1
        handle = f"member{Member.count}"
        case.body |= {"handle": handle, "email": f"{handle}@example.org", "password": PASSWORD}
    elif path == "/v1/sessions/refresh":
        case.body["refresh_token"] = Member().refresh_token
    elif path == "/v1/sessions":
        case.body |= {"login": ADA.handle, "password": PASSWORD}
    elif path == "/v1/me/password":
        case.body["current"] = PASSWORD
    elif path == "/v1/me/email":
        case.body |= {"email": f"new{Member.count}@example.org", "password": PASSWORD}
    elif path == "/v1/passwords/forgotten":
        case.body["login"] = ADA.handle
    elif path == "/v1/me":
        if "password" in case.body:
            case.body["password"] = PASSWORD
    elif path == "/v1/media/claims":
        case.body["ids"] = [CHOICES.choice(VIEWS)["id"]]


# How often each operation responded with each status, and what was wrong about it.
STATUSES = {}
FINDINGS = {}


@schemathesis.hook
def after_call(context, case, response):
    STATUSES.setdefault(case.operation.label, Counter())[response.status_code] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    try:
        code = response.json()["code"] + ": "
    except (ValueError, KeyError, TypeError, AttributeError):
        code = ""
    finding = f"{response.status_code} {code}{failure.title}"
    FINDINGS.setdefault(case.operation.label, {}).setdefault(finding, failure.message)
    return True


def write_report():
    with open(REPORT, "w") as file:
        json.dump({"statuses": STATUSES, "findings": FINDINGS}, file, indent=1)


atexit.register(write_report)
