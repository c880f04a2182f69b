#!/usr/bin/env python3
"""People at the door: a load of requests that notices each one that is refused, cut or failed.

load.py URL PRODUCT   until SIGTERM; then one line of JSON: what was asked, how it was answered, the ids of the orders acknowledged

Half of them come anew each time and order; the others keep their connection and look at the menu.
"""
import collections, http.client, json, select, signal, sys, threading, time, urllib.parse

COMERS, KEEPERS = 4, 4
# Between two requests of one of them, so that the machine is asked much and still comes to its work.
THINK_S = 0.02
PATIENCE_S = 120

url, product = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
stop = threading.Event()
lock = threading.Lock()
counts, orders, troubles = collections.Counter(), [], []
slowest = 0.0


def connect():
    return http.client.HTTPConnection(url.hostname, url.port or 80, timeout=PATIENCE_S)


def ask(connection, who, method, path, body=None, headers=None):
    """One request and its answer; what goes wrong is counted by its kind and goes no further."""
    global slowest
    began = time.monotonic()
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read()
    except Exception as error:
        kind = "refused" if isinstance(error, ConnectionRefusedError) else "cut"
        connection.close()
        with lock:
            counts[kind] += 1
            troubles.append(f"{who}: {method} {path}: {error!r}")
        return None
    with lock:
        counts[f"{who} {answer.status}"] += 1
        slowest = max(slowest, time.monotonic() - began)
        if answer.status >= 400:
            troubles.append(f"{who}: {method} {path}: {answer.status} {text[:300]!r}")
    return json.loads(text) if answer.status < 400 and text else None


def come(me):
    number = 0
    while not stop.is_set():
        number += 1
        order = {
            "items": [{"productId": product, "quantity": 1}],
            "isPickup": True,
            "paymentMethod": "cash",
            "customerInfo": {"name": "Huda", "phone": f"+96279{me}{number:06}"},
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"load-{me}-{number:010}-{time.time_ns()}"}
        connection = connect()
        answer = ask(connection, "comer", "POST", "/api/v1/orders", json.dumps(order), headers)
        connection.close()
        if answer:
            with lock:
                orders.append(answer["orderId"])
        time.sleep(THINK_S)


def keep(_me):
    connection = connect()
    while not stop.is_set():
        # Who keeps connections looks before each use whether the other side has ended it, as browsers do.
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        ask(connection, "keeper", "GET", "/api/v1/products?per_page=1")
        time.sleep(THINK_S)
    connection.close()


threads = [threading.Thread(target=come, args=(me,)) for me in range(COMERS)]
threads += [threading.Thread(target=keep, args=(me,)) for me in range(KEEPERS)]
signal.signal(signal.SIGTERM, lambda *_: stop.set())
for thread in threads:
    thread.start()
print("ready", flush=True)
while not stop.is_set():
    stop.wait(0.2)
for thread in threads:
    thread.join()
print(json.dumps({"counts": counts, "orders": orders, "troubles": troubles[:10], "slowest_s": round(slowest, 3)}), flush=True)
