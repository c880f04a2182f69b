"""A stateful Stripe: localstripe on loopback, with what it lacks. usage: stripe_double.py PORT   (prints "ready")
Adds Idempotency-Key (same key + body: the first answer; other body: 400), accepts automatic_payment_methods, refuses refunds
over the captured amount, and POST /_fault {"before": n} = n POSTs answered 500 untouched, {"after": n} = n POSTs carried out
but the connection is cut. Webhooks: POST /_config/webhooks/ID {"url", "secret"} (JSON); each event is sent once, 1 s later."""
import sys
from aiohttp import web
from localstripe import resources, server
from localstripe.errors import UserError

server.store.try_load_from_disk = lambda *a: None  # else state is kept in a fixed file under the temp folder
server.store.dump_to_disk = lambda *a: None
parse = server.get_post_data
DROP = {"automatic_payment_methods", "description", "receipt_email", "cancellation_reason"}  # it refuses these


async def get_post_data(request, remove_auth=True):
    data = await parse(request, remove_auth)
    if data and request.path.startswith("/v1/payment_intents"):
        data = {k: v for k, v in data.items() if k not in DROP}
    return data
server.get_post_data = get_post_data
create_refund = resources.Refund.__init__


def refund(self, charge=None, payment_intent=None, amount=None, **rest):
    ch = resources.PaymentIntent._api_retrieve(payment_intent).latest_charge if payment_intent else resources.Charge._api_retrieve(charge)
    done = sum(r.amount for r in resources.Refund._api_list_all("/v1/refunds", charge=ch.id, limit=100)._list) if ch else 0
    if ch and int(amount or ch.amount - done) > ch.amount - done:
        raise UserError(400, "Refund amount is greater than unrefunded amount on charge")
    create_refund(self, charge=charge, payment_intent=payment_intent, amount=amount if amount or not ch else ch.amount - done,
                  **{k: v for k, v in rest.items() if k == "metadata"})
resources.Refund.__init__ = refund
resources.PaymentIntent.amount_received = property(lambda self: self.latest_charge.amount if self.status == "succeeded" else 0)


@classmethod
def list_since(cls, url, created=None, **rest):
    page = super(resources.PaymentIntent, cls)._api_list_all(url, **rest)
    page._list = [intent for intent in page._list if intent.created >= int((created or {}).get("gte", 0))]
    return page
resources.PaymentIntent._api_list_all = list_since
answers, fault = {}, {}


@web.middleware
async def edge(request, handler):
    if request.path == "/_fault":
        fault.clear(); fault.update(await request.json())
        return web.json_response({})
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    body = await request.read()
    if key in answers:
        first, status, text = answers[key]
        if first != body:
            return web.json_response({"error": {"type": "idempotency_error", "message": "key used with other parameters"}}, status=400)
        return web.Response(status=status, body=text, content_type="application/json", headers={"Idempotent-Replayed": "true"})
    if request.method == "POST" and fault.get("before", 0) > 0:
        fault["before"] -= 1
        return web.json_response({"error": {"type": "api_error", "message": "try later"}}, status=500)
    response = await handler(request)
    if key:
        answers[key] = (body, response.status, response.body)
    if request.method == "POST" and fault.get("after", 0) > 0:
        fault["after"] -= 1
        request.transport.abort()
    return response

server.app.middlewares.insert(0, edge)
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=lambda *_: print("ready", flush=True))
