// As much of Stripe as a buyer meets: sessions by the API, and the page on which one is paid. It knows no idempotency and no webhooks.
import { createServer } from "node:http";

const html = (body) => `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
<title>Stripe's double</title><main><h1>Pay the bakery</h1>${body}</main></html>`;

/** Listens on a free port. Its API is at `base`; its page is of another site than the shop's. */
export async function startStripe() {
  const sessions = new Map();
  let isSlow = false;
  const found = (request) => sessions.get(request.url.split(/[/?]/).find((part) => part.startsWith("cs_")));
  const shown = (session) => ({
    id: session.id, object: "checkout.session", livemode: false, mode: "payment", url: session.status === "open" ? session.url : null,
    status: session.status, payment_status: session.isPaid ? "paid" : "unpaid", currency: session.currency,
    amount_total: session.amount, metadata: session.metadata, client_reference_id: session.order,
    payment_intent: session.isPaid ? {
      id: `pi_${session.id}`, object: "payment_intent", status: "succeeded", amount: session.amount, amount_received: session.amount,
      currency: session.currency, metadata: session.metadata,
      latest_charge: { id: `ch_${session.id}`, object: "charge", amount: session.amount, amount_refunded: 0, refunded: false,
        disputed: false, currency: session.currency, payment_intent: `pi_${session.id}`, balance_transaction: null },
    } : null,
  });
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const json = (value) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
    const go = (url) => response.writeHead(303, { Location: url }).end();
    const path = request.url.split("?")[0];
    if (request.method === "POST" && path === "/v1/checkout/sessions") {
      const id = `cs_test_${sessions.size + 1}`;
      const port = server.address().port;
      const metadata = { order_id: form.get("metadata[order_id]"), transaction_id: form.get("metadata[transaction_id]") };
      sessions.set(id, {
        id, metadata, url: `http://localhost:${port}/page/${id}?from='"&amp;x=1`.replace(/'"/, "%27%22"), status: "open", isPaid: false,
        order: form.get("client_reference_id"), currency: form.get("line_items[0][price_data][currency]"),
        amount: Number(form.get("line_items[0][price_data][unit_amount]")),
        success: form.get("success_url").replace("{CHECKOUT_SESSION_ID}", id), cancel: form.get("cancel_url"),
      });
      return json(shown(sessions.get(id)));
    }
    const session = found(request);
    if (path.startsWith("/v1/") && isSlow) return response.writeHead(500).end("{}");
    if (session && path.endsWith("/expire")) {
      session.status = "expired";
      return json(shown(session));
    }
    if (session && path.startsWith("/v1/")) return json(shown(session));
    if (path.startsWith("/v1/")) return json({ object: "list", data: [], has_more: false, url: path });
    if (session && request.method === "POST") {
      Object.assign(session, { status: "complete", isPaid: true });
      return go(session.success);
    }
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(html(session ? `<form method="post"><button>Pay</button></form><a href="${session.cancel.replaceAll("&", "&amp;")}">Back</a>` : "Nothing"));
  });
  await new Promise((ready) => server.listen(0, ready));
  const port = server.address().port;
  return {
    base: `http://127.0.0.1:${port}`,
    page: `http://localhost:${port}`,
    sessions,
    failing: (on) => { isSlow = on; },
    end: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  };
}
