"""A real SMTP server for the tests, on a free loopback port.

It prints a JSON value a line: first {"port": n}, then one for each thing that happens. On its
standard input it takes how it is to behave from then on, a word a line:

  accept              takes every mail
  later               answers 451 to every recipient
  never               answers 550 to every recipient
  refuse              answers 554 to every mail's content
  hang ADDRESS        says nothing more once that recipient is named
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP

behaviour = ["accept"]


def tell(value):
    print(json.dumps(value), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        word = behaviour[0]
        tell({"event": "recipient", "to": address, "behaviour": word})
        if word == "later":
            return "451 4.7.1 come back later"
        if word == "never":
            return "550 5.1.1 nobody here has that name"
        if word == "hang" and address == behaviour[1]:
            await asyncio.Event().wait()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if behaviour[0] == "refuse":
            return "554 5.7.1 not with these words"
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell(
            {
                "event": "mail",
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "headers": {name.lower(): value for name, value in parsed.items()},
                "text": parsed.get_body(("plain",)).get_content(),
                "html": parsed.get_body(("html",)).get_content(),
                "encrypted": session.ssl is not None,
            }
        )
        return "250 OK"


async def obey():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        behaviour[:] = line.decode().split()
        tell({"event": "behaves", "behaviour": behaviour[0]})


async def main():
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(Handler(), hostname="mail.test", enable_SMTPUTF8=True, loop=loop)
    server = await loop.create_server(make, "127.0.0.1", 0)
    tell({"port": server.sockets[0].getsockname()[1]})
    # Whoever started this closes the pipe when the test ends.
    await obey()


asyncio.run(main())
