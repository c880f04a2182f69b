"""Checks of our own, beside those of Schemathesis."""

import schemathesis

# Codes with which a request that fits its schema may be refused as 422: what only the shop knows.
KNOWN_TO_THE_SHOP = {
    "account_only",  # of who asks: a guest has no saved address
    "before_from",  # `to` against `from`
    "cart_empty",
    "closed",
    "currency_not_supported",  # what a configured gateway takes
    "closes_first",  # opening hours: a row against itself, and against the others
    "fixed_by_configuration",
    "flow_not_offered",  # which flows a configured gateway has
    "method_not_offered",
    "outside_hours",
    "overlaps",
    "amount_too_large",  # sums of many large lines
    "duplicate",  # the same code or parameter twice
    "idempotency_key_reused",
    "in_the_past",
    "invalid_cursor",  # opaque: only one that a list gave counts
    "invalid_price",  # a choice's delta against the product's price
    "main_language",  # which language is the shop's
    "out_of_range",  # of fields that bound each other, as an option group's min and max
    "nothing_to_refund",
    "offline_only",  # which methods are a gateway's
    "page_and_cursor",  # OpenAPI cannot say that two parameters exclude each other
    "required",  # of who asks: a guest gives a phone; a product's required options
    "return_url_elsewhere",  # the shop's own address and `cors_origins`
    "same_as_email",
    "staff_only",
    "too_common",  # passwords
    "damaged_picture",  # of a file: what its bytes are
    "not_a_picture",
    "heic_picture",
    "too_many_pixels",
    "file_too_large",
    "images_missing",  # which pictures a product has
    "unknown_image",
    "no_consent",  # of who is written to
    "unreachable",
    "too_early",
    "too_far_ahead",
    "too_few",
    "too_long",  # of an order's texts against the product's limit
    "too_many",
    "unknown_address",
    "unknown_cart",  # a token that opens none, or another's
    "unknown_category",
    "unknown_choice",
    "unknown_customer",
    "unknown_group",
    "unknown_item",
    "unknown_order",  # of a message: whether the shop has it
    "unknown_product",
    "use_cursor",
    "wrong_currency",
    "card_data_refused",  # digits that look like a card's, wherever they stand
}


# What the shop alone knows of a single field.
OF_FIELDS = {
    ("shop.timeZone", "unknown_value"),  # the names of the time zone database
    ("orders.deliveryFee", "invalid_amount"),  # decimals of the currency that stands beside it
    ("orders.freeDeliveryFrom", "invalid_amount"),
}


@schemathesis.check
def well_formed_is_taken(ctx, response, case):
    """A 422 for data that fits the schema names only what no schema can say."""
    meta = case.meta
    if response.status_code != 422 or meta is None or not meta.generation.mode.is_positive:
        return
    if case.path.startswith(("/o/", "/pay/")):
        return  # a page for people, which names no code
    problem = response.json()
    faults = problem.get("errors") or []
    codes = [fault["code"] for fault in faults if (fault["field"], fault["code"]) not in OF_FIELDS]
    if not faults:
        codes = [problem["code"]]
    unknown = sorted(set(codes) - KNOWN_TO_THE_SHOP)
    assert not unknown, f"the schema lets in what is refused as {', '.join(unknown)}: {problem['detail']}"
