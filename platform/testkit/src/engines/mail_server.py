"""A mail server for tests: aiosmtpd, which stores each mail in a folder and does what `rules.json` in it says.

A rule is `{"RCPT": "450 4.2.0 later"}`: the reply to a step. The steps are RCPT and DATA; the reply "hang" is none, and
"store and hang" takes the mail first. Invariant: it listens on loopback only; a file N.json is written after N.eml.
"""

import argparse
import asyncio
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def rule(self, step):
        path = self.folder / "rules.json"
        return json.loads(path.read_text()).get(step) if path.exists() else None

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        rule = self.rule("RCPT")
        if rule == "hang":
            await asyncio.sleep(3600)
        if rule:
            return rule
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        rule = self.rule("DATA")
        if rule == "hang":
            await asyncio.sleep(3600)
        if rule and rule != "store and hang":
            return rule
        self.store(server, session, envelope)
        if rule:
            await asyncio.sleep(3600)
        return "250 2.0.0 queued"

    def store(self, server, session, envelope):
        self.count += 1
        name = f"{self.count:06}"
        (self.folder / f"{name}.eml").write_bytes(envelope.original_content)
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("sslcontext") is not None,
            "login": session.auth_data.login.decode() if session.authenticated else None,
        }
        temporary = self.folder / f"{name}.new"
        temporary.write_text(json.dumps(about))
        temporary.rename(self.folder / f"{name}.json")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--tls", choices=["none", "starttls", "tls"], required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    options = parser.parse_args()
    context = None
    if options.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)

    def authenticate(server, session, envelope, mechanism, data):
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            options.user.encode(),
            options.password.encode(),
        )
        # Without `handled=False` the library expects this function to have replied.
        return AuthResult(success=right, handled=False, auth_data=data)

    loop = asyncio.get_running_loop()
    handler = Handler(options.folder)

    def connection():
        return SMTP(
            handler,
            loop=loop,
            hostname="localhost",
            tls_context=context if options.tls == "starttls" else None,
            require_starttls=options.tls == "starttls",
            authenticator=authenticate if options.user else None,
            auth_required=bool(options.user),
            # Inside TLS from the first byte, the library does not know of it.
            auth_require_tls=options.tls == "starttls",
        )

    server = await loop.create_server(
        connection, "127.0.0.1", options.port, ssl=context if options.tls == "tls" else None
    )
    await server.serve_forever()


asyncio.run(main())
