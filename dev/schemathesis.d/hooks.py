"""What dev/schemathesis adds to schemathesis: members, real files, and a report by operation.

Owns the data behind the requests: a member with a photo, a video and an audio file that are ready. A later run in the same folder uses what
the first one prepared. Half of the requests get real ids, tokens, codes and bodies in place of made-up ones, so that successful responses
are checked too; the others stay as they were made. Several workers call these hooks at once, each with the requests of another operation.
Invariant: a request that ends an account, a session or a file, or that changes how an account signs in, gets one of its own, so that the
others keep theirs. Operations below /v1/admin are not in the description that is read: the public listener has none of them.
"""

import ast
import atexit
import base64
import email
import email.policy
import hashlib
import hmac
import itertools
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import requests
import schemathesis

# Python 3.11 counts the depth of a parser for all threads together, and raises a SystemError when two threads parse at once, as hypothesis does
# (https://github.com/python/cpython/issues/106905).
PARSING = threading.RLock()
PARSE = ast.parse


def parse_in_turn(*arguments, **options):
    with PARSING:
        return PARSE(*arguments, **options)


ast.parse = parse_in_turn

SITE = os.environ["TUTTI_URL"]
REPORT = os.environ["TUTTI_REPORT"]
# The folder of the server's mails, if it is on this machine. Without it, requests with mailed codes stay as they were made.
MAILS = os.environ.get("TUTTI_MAILS")
PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "seven green umbrellas"
SEED = os.environ.get("TUTTI_SEED", "1")
# The folder of the files that are sent, and of what a later run needs.
FOLDER = os.environ["TUTTI_FOLDER"]
SETUP = os.path.join(FOLDER, "setup.json")
RUN = os.environ.get("TUTTI_RUN", "1")
NUMBERS = itertools.count(1)
# Their responses to a member have no end, for which schemathesis would wait. The tests of notify and chat read them.
ENDLESS = ("GET /v1/notifications/stream", "GET /v1/chat/stream")
RANDOMS = {}


def choices(label):
    """Returns the source of the choices about an operation. One worker makes its requests, in the same order in each run with one seed."""
    return RANDOMS.setdefault(label, random.Random(f"{SEED} {label}"))


def new_handle():
    return f"member{RUN}_{next(NUMBERS)}"


class Member:
    """A new account with a session."""

    def __init__(self):
        self.handle = new_handle()
        self.email = f"{self.handle}@example.org"
        body = {"handle": self.handle, "email": self.email, "password": PASSWORD}
        signed_in = call("POST", "/v1/accounts", json=body).json()
        self.token = signed_in["access_token"]
        self.refresh_token = signed_in["refresh_token"]

    @classmethod
    def of(cls, saved):
        """Returns the member that an earlier run has saved."""
        member = cls.__new__(cls)
        vars(member).update(saved)
        return member

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

    def post(self, path, body):
        return call("POST", path, headers=self.headers, json=body).json()

    def begin_app(self):
        """Begins to add an authenticator app. Returns its id and its secret."""
        begun = self.post("/v1/me/factors", {"kind": "totp", "name": "Phone"})
        return begun["id"], begun["secret"]

    def add_app(self):
        """Adds an authenticator app. Returns its id and its secret; the code of this moment is used."""
        id, secret = self.begin_app()
        self.post(f"/v1/me/factors/{id}/confirm", {"code": app_code(secret)})
        return id, secret

    def make_key(self):
        return self.post("/v1/me/api-keys", {"name": "Server", "scopes": ["media:read"]})["id"]

    def make_export(self):
        """Asks for an archive of the member's data, and waits until it is ready. Returns its id."""
        export = self.post("/v1/me/export", {})["id"]
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if call("GET", f"/v1/me/exports/{export}", headers=self.headers).json()["state"] == "ready":
                break
            time.sleep(0.1)
        return export

    def make_link(self):
        """Sends a photo and makes a link to it: an item has a limited number of links. Returns the item's id and the link."""
        media = self.send(FILES[0])
        return media, self.post(f"/v1/media/{media}/links", {"expires_in": 3600})

    def make_album(self):
        return self.post("/v1/albums", {"title": "Everyone plays"})["id"]

    def make_post(self):
        return self.post("/v1/posts", {"text": "Everyone plays. #karaoke", "audience": "public"})["id"]

    def mailed_code(self, page):
        """Returns the code in the link to this page in a mail to the member; None if none arrives in time, or mails can't be read."""
        until = time.monotonic() + 10
        while MAILS and time.monotonic() < until:
            for text in read_mails(self.email):
                code = re.search(rf"/{page}\?code=([\w-]{{43}})", text)
                if code:
                    return code[1]
            time.sleep(0.1)
        return None


# The recipient and the text of each mail that was read, by file name.
READ_MAILS = {}
READING = threading.Lock()


def read_mails(address):
    """Returns the texts of the mails to an address, the newest first."""
    with READING:
        read_new_mails()
        mails = sorted(READ_MAILS.items(), reverse=True)
    return [text for _, (to, text) in mails if address in re.findall(r"[\w.@+-]+", to)]


def read_new_mails():
    for name in os.listdir(MAILS):
        if name.endswith(".eml") and name not in READ_MAILS:
            try:
                with open(os.path.join(MAILS, name), "rb") as file:
                    mail = email.message_from_binary_file(file, policy=email.policy.default)
            except FileNotFoundError:
                continue  # The folder keeps the newest mails only.
            READ_MAILS[name] = (str(mail["to"]), mail.get_body(("plain",)).get_content())


def app_code(secret, ahead=0):
    """Returns the code of an authenticator app (RFC 6238), `ahead` steps of 30 s from now."""
    step = int(time.time()) // 30 + ahead
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[19] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


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
        path = os.path.join(FOLDER, name)
        subprocess.run(["ffmpeg", "-v", "error", *arguments.split(), path], check=True, stdin=subprocess.DEVNULL)
        yield path


def wait_until_ready(member, ids):
    """Returns the views of a member's items when all of them can be played, after a minute at most."""
    until = time.monotonic() + 60
    while True:
        views = [call("GET", f"/v1/media/{id}", headers=member.headers).json() for id in ids]
        if all(view["state"] == "ready" for view in views):
            return views
        if time.monotonic() > until:
            sys.exit(f"schemathesis: the files were not ready in time: {views}")
        time.sleep(0.1)


def set_up():
    """Returns the files, a member who has sent them, their items, an album and a post, and a member whom the first one follows,
    blocks and mutes: those of an earlier run, if there was one."""
    if os.path.exists(SETUP):
        with open(SETUP) as file:
            saved = json.load(file)
        return saved["files"], Member.of(saved["ada"]), saved["views"], saved["album"], saved["post"], Member.of(saved["bob"])
    files, ada = list(make_files()), Member()
    views, album = wait_until_ready(ada, [ada.send(path) for path in files]), ada.make_album()
    post, bob = ada.make_post(), Member()
    with open(SETUP, "w") as file:
        made = {"files": files, "ada": vars(ada), "views": views, "album": album, "post": post, "bob": vars(bob)}
        json.dump(made, file)
    return files, ada, views, album, post, bob


FILES, ADA, VIEWS, ALBUM, POST, BOB = set_up()
with open(FILES[0], "rb") as file:
    PHOTO = file.read()
CAPTIONS = b"WEBVTT\n\n00:00.000 --> 00:01.000\nEveryone plays.\n"
# Which of them has the address that ends so.
KIND = {"image": "photo", "captions": "video", "hls": "video", "poster": "video", "storyboard": "video", "waveform": "audio"}
BY_KIND = {view["kind"]: view for view in VIEWS}
# Operations that end what they are called with, or change how the account signs in.
NEEDS_ITS_OWN_MEMBER = {
    "DELETE /v1/me",
    "DELETE /v1/sessions",
    "DELETE /v1/sessions/current",
    # Its id may be that of the session that another operation listed.
    "DELETE /v1/sessions/{id}",
    "POST /v1/me/password",
    # A few mails for one account, and then one every ten minutes.
    "POST /v1/me/email",
    "POST /v1/me/email/confirm",
    "POST /v1/me/email/confirmation",
    "POST /v1/me/factors",
    "POST /v1/me/factors/{id}/confirm",
    "DELETE /v1/me/factors/{id}",
    "POST /v1/me/recovery-codes",
    "POST /v1/me/proof",
    # An account has a limited number of keys.
    "POST /v1/me/api-keys",
    "DELETE /v1/me/api-keys/{id}",
    # A few exports for one account in a day.
    "POST /v1/me/export",
    "GET /v1/me/exports/{id}",
    "GET /v1/me/exports/{id}/archive",
}


@schemathesis.serializer("application/offset+octet-stream", "text/vtt", "image/*", "video/*", "audio/*")
def bytes_as_they_are(ctx, value):
    if isinstance(value, list):
        return bytes(byte % 256 for byte in value if isinstance(byte, int))
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    label = case.operation.label
    if label in ENDLESS:
        case.headers.pop("Authorization", None)
        return
    if choices(label).random() < 0.1:
        return  # as it was made: without a token, or with one that is none
    member = Member() if label in NEEDS_ITS_OWN_MEMBER else ADA
    case.headers["Authorization"] = f"Bearer {member.token}"
    if label == "DELETE /v1/media/{id}" and case.path_parameters.get("id") in {view["id"] for view in VIEWS}:
        case.path_parameters["id"] = member.send(FILES[0])
    elif label == "DELETE /v1/albums/{id}":
        case.path_parameters["id"] = member.make_album()
    elif choices(label).random() < 0.5:
        use_real_data(label, case, member)


def use_real_data(label, case, member):
    method, path = label.split(" ", 1)
    choice = choices(label).choice
    parameters = case.path_parameters or {}
    if path.startswith(("/v1/me/", "/v1/passwords/")) or label == "POST /v1/sessions":
        use_real_sign_in(label, case, parameters, member)
    elif path.startswith("/v1/media/{id}"):
        kind = KIND.get(path.split("/")[4]) if path.count("/") > 3 else None
        view = BY_KIND.get(kind) or choice(VIEWS)
        parameters["id"] = member.send(FILES[0]) if label == "DELETE /v1/media/{id}" else view["id"]
        if "rendition" in parameters:
            parameters["rendition"] = choice(["v240", "audio"])
        if "segment" in parameters:
            parameters["segment"] = "0.m4s"
        if "sheet" in parameters:
            parameters["sheet"] = "0.jpg"
        if "link" in parameters:
            member = Member()
            parameters["id"], link = member.make_link()
            parameters["link"] = link["id"]
            case.headers["Authorization"] = f"Bearer {member.token}"
        if "lang" in parameters:
            use_real_captions(method, case, parameters)
        if method == "GET":
            (case.query or {}).pop("t", None)
    elif path == "/v1/files/{name}":
        url = urlsplit(choice(VIEWS)["urls"]["file"])
        parameters["name"] = url.path.rsplit("/", 1)[1]
        case.query = (case.query or {}) | {"t": parse_qs(url.query)["t"][0]}
    elif path == "/v1/uploads/{id}":
        parameters["id"] = member.begin_upload()
        case.headers["Tus-Resumable"] = "1.0.0"
        case.headers["Upload-Offset"] = "0"
        case.headers.pop("Upload-Checksum", None)
        if method == "POST":
            case.headers["X-HTTP-Method-Override"] = choice(["PATCH", "DELETE", "HEAD"])
        if method in ("PATCH", "POST"):
            case.body, case.media_type = PHOTO, "application/offset+octet-stream"
    elif path == "/v1/uploads":
        case.headers["Tus-Resumable"] = "1.0.0"
        case.headers["Upload-Length"] = str(len(PHOTO))
    elif path == "/v1/media" and method == "POST":
        case.body, case.media_type = PHOTO, "application/octet-stream"
    elif path == "/v1/shared/{token}":
        parameters["token"] = Member().make_link()[1]["token"]
    elif path.startswith("/v1/albums/{id}"):
        ids = [view["id"] for view in VIEWS]
        if label != "DELETE /v1/albums/{id}":
            # Those that it has already stay where they are.
            member.post(f"/v1/albums/{ALBUM}/items", {"ids": ids})
            parameters["id"] = ALBUM
        if "media_id" in parameters:
            parameters["media_id"] = ids[0]
            if method == "PATCH":
                case.body, case.media_type = {"after": ids[1]}, "application/json"
        elif path.endswith("/items") and method == "POST":
            case.body, case.media_type = {"ids": ids}, "application/json"
    elif path == "/v1/media/zip":
        url = member.post("/v1/media/downloads", {"ids": [view["id"] for view in VIEWS]})["url"]
        case.query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    elif path.startswith("/v1/accounts/{handle}"):
        parameters["handle"] = ADA.handle if path == "/v1/accounts/{handle}" else BOB.handle
    elif path == "/v1/posts/{id}":
        parameters["id"] = POST
        if method == "DELETE":
            member = Member()
            parameters["id"] = member.make_post()
            case.headers["Authorization"] = f"Bearer {member.token}"
    elif path.startswith("/v1/posts/{id}/"):
        parameters["id"] = POST
        if "handle" in parameters:
            parameters["handle"] = BOB.handle
    elif path == "/v1/profiles/{handle}":
        parameters["handle"] = ADA.handle
    elif path == "/v1/sessions/{id}":
        member = Member()
        parameters["id"] = call("GET", "/v1/sessions", headers=member.headers).json()["items"][0]["id"]
        case.headers["Authorization"] = f"Bearer {member.token}"
    elif isinstance(case.body, dict):
        use_real_secrets(label, case)


def use_real_captions(method, case, parameters):
    parameters["lang"] = "en"
    if method == "PUT":
        case.body, case.media_type = CAPTIONS, "text/vtt"
    else:
        path = f"/v1/media/{parameters['id']}/captions/en"
        call("PUT", path, headers=ADA.headers | {"content-type": "text/vtt"}, data=CAPTIONS)


def use_real_secrets(label, case):
    path = label.split(" ", 1)[1]
    if path == "/v1/accounts":
        handle = new_handle()
        case.body |= {"handle": handle, "email": f"{handle}@example.org", "password": PASSWORD}
    elif path == "/v1/sessions/refresh":
        case.body["refresh_token"] = Member().refresh_token
    elif path == "/v1/me":
        if "password" in case.body:
            case.body["password"] = PASSWORD
    elif path in ("/v1/media/claims", "/v1/media/downloads"):
        case.body["ids"] = [choices(label).choice(VIEWS)["id"]]


def use_real_sign_in(label, case, parameters, member):
    """Real passwords, codes and ids for the operations on how an account signs in. None of them is about ADA."""
    body = None
    if label == "POST /v1/sessions":
        # An account has a limited number of sessions: one more ends the one that was unused for longest.
        other = Member()
        body = {"login": choices(label).choice([other.handle, other.email]), "password": PASSWORD}
        if choices(label).random() < 0.5:
            # The code that added the app is used, and one that is a step early is accepted.
            body["factor"] = {"kind": "totp", "code": app_code(other.add_app()[1], 1)}
    elif label == "POST /v1/passwords/forgotten":
        body = {"login": Member().handle}
    elif label == "POST /v1/passwords/reset":
        other = Member()
        call("POST", "/v1/passwords/forgotten", json={"login": other.handle})
        if code := other.mailed_code("reset"):
            body = {"code": code, "password": NEW_PASSWORD}
    elif label == "POST /v1/me/password":
        body = {"current": PASSWORD, "new": NEW_PASSWORD}
    elif label == "POST /v1/me/email":
        body = {"email": f"new-{member.email}", "password": PASSWORD}
    elif label == "POST /v1/me/email/confirm":
        if code := member.mailed_code("confirm"):
            body = {"code": code}
    elif label == "POST /v1/me/factors":
        body = {"kind": "totp", "name": "Phone"}
    elif label == "POST /v1/me/factors/{id}/confirm":
        parameters["id"], secret = member.begin_app()
        body = {"code": app_code(secret)}
    elif label == "DELETE /v1/me/factors/{id}":
        parameters["id"] = member.add_app()[0]
    elif label == "POST /v1/me/recovery-codes":
        member.add_app()
    elif label == "POST /v1/me/proof":
        body = {"password": PASSWORD}
        if choices(label).random() < 0.5:
            body = {"factor": {"kind": "totp", "code": app_code(member.add_app()[1], 1)}}
    elif label == "POST /v1/me/api-keys":
        body = {"name": "Server", "scopes": ["media:read"], "password": PASSWORD}
    elif label == "DELETE /v1/me/api-keys/{id}":
        parameters["id"] = member.make_key()
    elif label.startswith("GET /v1/me/exports/{id}"):
        parameters["id"] = member.make_export()
        # A signature that was made up opens nothing, whatever the token is.
        if case.query:
            case.query.pop("t", None)
    if body is not None:
        case.body, case.media_type = body, "application/json"


# All operations; how often each responded with each status, and what was wrong about it.
OPERATIONS = []
STATUSES = {}
FINDINGS = {}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


# The description of a response of which fields may be missing: the whole one, without what it requires.
RELAXED = {}


def relaxed(value):
    if isinstance(value, list):
        return [relaxed(part) for part in value]
    if not isinstance(value, dict):
        return value
    # Without what they require, several of `oneOf` may fit. A property can have these names, and is no list.
    names = {"oneOf": "anyOf"}
    parts = ((name, part) for name, part in value.items() if not (name == "required" and isinstance(part, list)))
    return {names.get(name, name) if isinstance(part, list) else name: relaxed(part) for name, part in parts}


def fits_relaxed(label, response):
    """Whether each field that a response has is described, and is as described."""
    method, path = label.split(" ", 1)
    try:
        described = RELAXED["paths"][path][method.lower()]["responses"][str(response.status_code)]
        schema = described["content"]["application/json"]["schema"]
        body = response.json()
    except (KeyError, TypeError, ValueError):
        return False
    return jsonschema_rs.Draft202012Validator({**schema, "components": RELAXED["components"]}).is_valid(body)


@schemathesis.hook
def after_load_schema(context, schema):
    paths = schema.raw_schema["paths"].items()
    OPERATIONS[:] = [f"{method.upper()} {path}" for path, item in paths for method in item if method in METHODS]
    RELAXED.update(relaxed(schema.raw_schema))


@schemathesis.hook
def after_call(context, case, response):
    STATUSES.setdefault(case.operation.label, Counter())[response.status_code] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # A screen that is asked for with `fields` has these only, which its description has no words for.
    is_selection = "fields" in (case.query or {}) and failure.title == "Response violates schema"
    if is_selection and fits_relaxed(case.operation.label, response):
        return False
    try:
        code = response.json()["code"] + ": "
    except (ValueError, KeyError, TypeError, AttributeError):
        code = ""
    finding = f"{response.status_code} {code}{failure.title}"
    FINDINGS.setdefault(case.operation.label, {}).setdefault(finding, failure.message)
    return True


def write_report():
    with open(REPORT, "w") as file:
        json.dump({"operations": OPERATIONS, "statuses": STATUSES, "findings": FINDINGS}, file, indent=1)


atexit.register(write_report)
