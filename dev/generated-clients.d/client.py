"""A program that uses the client that openapi-python-client makes of docs/openapi.json.

Signs up, sends a photo as a form, as the body and by tus, lists the library, and reads an error. Invariant: it uses nothing of the client
but its generated functions and types; the only header that it reads itself is `Location`.
"""

import io
import os
import struct
import zlib

from tutti_client import AuthenticatedClient, Client
from tutti_client.api.accounts import sign_up
from tutti_client.api.media import list_media, read_media, send_media, send_media_form
from tutti_client.api.uploads import append_to_upload, begin_upload
from tutti_client.models import FormBody, Media, Problem, SignUp
from tutti_client.types import File

SITE = os.environ["TUTTI_SERVER_URL"]


def photo():
    """Returns the bytes of a grey PNG of 8 × 8 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes([0] + [120] * 8) * 8)) + chunk(b"IEND", b"")


def main():
    anyone = Client(base_url=SITE)
    person = SignUp(handle="python", email="python@example.org", password="correct horse battery staple")
    signed_in = sign_up.sync(client=anyone, body=person)
    refused = sign_up.sync(client=anyone, body=person)
    assert isinstance(refused, Problem) and (refused.status, refused.code) == (409, "accounts.handle_taken"), refused

    client = AuthenticatedClient(base_url=SITE, token=signed_in.access_token)
    png = photo()
    form = FormBody(file=File(io.BytesIO(png), "form.png", "image/png"), tags="form")
    of_form = send_media_form.sync(client=client, body=form)
    of_body = send_media.sync(client=client, body=File(io.BytesIO(png)), name="body.png")
    assert isinstance(of_form, Media) and isinstance(of_body, Media), (of_form, of_body)

    begun = begin_upload.sync_detailed(client=client, tus_resumable="1.0.0", upload_length=len(png), upload_metadata="filename dHVzLnBuZw==")
    assert begun.status_code == 201, begun
    upload = begun.headers["location"].rsplit("/", 1)[1]
    for start, end in [(0, 20), (20, len(png))]:
        rest = File(io.BytesIO(png[start:end]))
        appended = append_to_upload.sync_detailed(upload, client=client, body=rest, tus_resumable="1.0.0", upload_offset=start)
        assert appended.status_code == 204 and appended.headers["upload-offset"] == str(end), appended

    names = []
    page = list_media.sync(client=client, limit=2)
    while page.items:
        assert all(isinstance(item, Media) for item in page.items), page
        names += [item.name for item in page.items]
        if page.next_ is None:
            break
        page = list_media.sync(client=client, limit=2, after=page.next_)
    assert len(names) == 3 and names[0].startswith("tus") and of_form.tags == ["form"], names

    missing = read_media.sync("5kT0vYq8Zb3mXw1RcHs9Ga", client=client)
    assert isinstance(missing, Problem) and missing.code == "media.not_found", missing
    print("openapi-python-client: signed up, sent three files, listed them, and read two errors")


main()
