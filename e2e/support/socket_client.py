"""Speaks to a server with python-socketio and says what came of it, as lines of JSON.

Usage: socket_client.py URL TRANSPORTS conformance|parlor [TOKEN CLERK_ID]
       socket_client.py URL TRANSPORTS talk [TOKEN]

The first says one line and ends. The second does what the lines of its standard input say,
{"event", "payload": [], "ack"?}, until there are no more, and says each event and acknowledgement.
"""

import json
import queue
import sys
import threading

import socketio

WAIT_S = 10


def plain(value):
    """Writes bytes as a list of numbers, so that JSON can have them."""
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {key: plain(element) for key, element in value.items()}
    return value


def conformance(client, url, transports):
    events = queue.Queue()
    client.on("auth", lambda *arguments: events.put(arguments))
    client.on("message-back", lambda *arguments: events.put(arguments))
    client.connect(url, transports=transports, auth={"token": "123"})
    told = [events.get(timeout=WAIT_S)]
    client.emit("message", (1, "two", {"three": b"\x01\x02"}, b"\x03"))
    told.append(events.get(timeout=WAIT_S))
    answer = client.call("message-with-ack", ("x", b"\x04"), timeout=WAIT_S)
    # Long enough for two pings.
    client.sleep(0.8)
    return {"told": plain(told), "answer": plain(answer), "transport": client.transport()}


def parlor(client, url, transports, token, clerk_id):
    events = queue.Queue()
    client.on("registered", events.put)
    client.connect(url, transports=transports, auth={"token": token})
    answer = client.call("register_user", {"clerkId": clerk_id}, timeout=WAIT_S)
    registered = events.get(timeout=WAIT_S)
    return {"answer": answer, "same": answer == registered, "transport": client.transport()}


def talk(client, url, transports, token=None):
    writing = threading.Lock()

    def say(line):
        with writing:
            print(json.dumps(plain(line)), flush=True)

    def told(event, *arguments):
        say({"event": event, "argument": arguments[0] if arguments else None})

    def answered(number):
        return lambda *arguments: say({"ack": number, "answer": (*arguments, None)[0]})

    client.on("*", told)
    client.connect(url, transports=transports, auth={"token": token} if token else None)
    say({"connected": True})
    for line in sys.stdin:
        asked = json.loads(line)
        callback = answered(asked["ack"]) if "ack" in asked else None
        client.emit(asked["event"], tuple(asked["payload"]), callback=callback)


def main():
    url, transports, counterpart, *rest = sys.argv[1:]
    client = socketio.Client(reconnection=False)
    if counterpart == "talk":
        talk(client, url, transports.split(","), *rest)
    else:
        speak = {"conformance": conformance, "parlor": parlor}[counterpart]
        print(json.dumps(speak(client, url, transports.split(","), *rest)))
    client.disconnect()


main()
