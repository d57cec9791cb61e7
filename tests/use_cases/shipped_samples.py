"""Samples in the form that the sources of the shipped mappings publish, with what they hold."""

import json

from phantom_core.events.mapping import load_mapping

COMBINED = (
    '192.0.2.7 - - [25/Oct/2020:02:30:00 +0200] "GET /product/33954?x=1 HTTP/1.1" 200 30577 '
    '"-" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 \\"odd\\""\n'
    '192.0.2.7 - - [25/Oct/2020:02:30:00 +0100] "POST /cart HTTP/1.1" 200 3 '
    '"https://shop.example/" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 \\"odd\\""\n'
)
TRACK = {
    "type": "track",
    "event": "Product Viewed",
    "anonymousId": "a1",
    "messageId": "ajs-1",
    "timestamp": "2024-11-15T12:00:00Z",
    "properties": {"product_id": "p1", "price": 18.99, "currency": "USD"},
    "context": {"userAgent": "Mozilla/5.0", "page": {"url": "https://shop.example/p1"}},
}
PAGE = {key: value for key, value in TRACK.items() if key != "event"} | {
    "type": "page",
    "messageId": "ajs-2",
    "timestamp": "2024-11-15T13:00:00Z",
}
POSTHOG = json.dumps({"$session_id": "x", "product_id": "p1", "price": 3}).replace('"', '""')
ECOMMERCE = "com_snowplowanalytics_snowplow_ecommerce"
SHOPIFY_VARIANT = {
    "id": "45737128657113",
    "price": {"amount": 19.9, "currencyCode": "EUR"},
    "product": {"id": "8950526378201", "title": "Shoes"},
}
SNOWPLOW_VIEW = {
    "app_id": "shop",
    "platform": "web",
    "collector_tstamp": "2024-11-15 12:00:00.456",
    "event": "unstruct",
    "event_id": "e1",
    "domain_sessionid": "s-1",
    "derived_tstamp": "2024-11-15 12:00:00.123",
    "event_name": "snowplow_ecommerce_action",
    "page_url": 'https://shop.example/p/1"',
    "useragent": "Mozilla/5.0",
    "contexts": json.dumps(
        {
            "schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0",
            "data": [
                {
                    "schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0",
                    "data": {"id": "w1"},
                },
                {
                    "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/"
                    "1-0-0",
                    "data": {"id": "SKU-1", "price": 19.9, "currency": "EUR"},
                },
            ],
        }
    ),
    "unstruct_event": json.dumps(
        {
            "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
            "data": {
                "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/"
                "snowplow_ecommerce_action/jsonschema/1-0-2",
                "data": {"type": "product_view"},
            },
        }
    ),
}
SNOWPLOW_ORDER = {
    "collector_tstamp": "2024-11-15 12:01:00",
    "event": "transaction",
    "event_id": "e2",
    "domain_sessionid": "s-1",
    "event_name": "transaction",
    "tr_total": "24.9",
}


def snowplow_line(values: dict[str, str]) -> str:
    """An enriched event: its columns in the published order, most of them empty."""
    return "\t".join(values.get(name, "") for name in load_mapping("snowplow_tsv").header)


# Mapping → name of a file, its content, the events: session, milliseconds, name, product.
SAMPLES: dict[str, tuple[str, str, list[tuple[str, int, str, str | None]]]] = {
    "retailrocket": (
        "events.csv",
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n1433221400000,257597,addtocart,355908,\n"
        "1433224214164,257597,transaction,355908,4000\n",
        [
            ("257597@1433221332117", 1433221332117, "view_item_page", "355908"),
            ("257597@1433221332117", 1433221400000, "add_item_to_cart", "355908"),
            ("257597@1433224214164", 1433224214164, "purchase_complete", "355908"),
        ],
    ),
    "otto": (
        "train.jsonl",
        '{"session":0,"events":[{"aid":1517085,"ts":1659304800025,"type":"clicks"},'
        '{"aid":1563459,"ts":1659304904511,"type":"orders"}]}\n',
        [
            ("0", 1659304800025, "view_item_page", "1517085"),
            ("0", 1659304904511, "purchase_complete", "1563459"),
        ],
    ),
    "yoochoose_clicks": (
        "yoochoose-clicks.dat",
        "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n",
        [
            ("1", 1396867869277, "view_item_page", "214536502"),
            ("1", 1396868049868, "view_item_page", "214536500"),
        ],
    ),
    "yoochoose_buys": (
        "yoochoose-buys.dat",
        "420374,2014-04-06T18:44:58.314Z,214537888,12462,1\n",
        [("420374", 1396809898314, "purchase_complete", "214537888")],
    ),
    "diginetica_views": (
        "train-item-views.csv",
        "sessionId;userId;itemId;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n",
        [("1", 1462752000000, "view_item_page", "81766")],
    ),
    "trivago": (
        "train.csv",
        "user_id,session_id,timestamp,step,action_type,reference,platform,city,device,"
        "current_filters,impressions,prices\n"
        "00RL8Z82B2Z1,aff3928535f48,1541037460,1,search for poi,Newtown,AU,Sydney,mobile,,,\n"
        "00RL8Z82B2Z1,aff3928535f48,1541037460,2,interaction item image,666856,AU,Sydney,mobile,"
        ",,\n",
        [
            ("aff3928535f48", 1541037460000, "search", None),
            ("aff3928535f48", 1541037460000, "view_item_page", "666856"),
        ],
    ),
    "posthog": (
        "events.csv",
        f'uuid,event,properties,timestamp\nu1,Product Viewed,"{POSTHOG}",2024-11-15 12:00:00\n',
        [("x", 1731672000000, "view_item_page", "p1")],
    ),
    "segment": (
        "calls.jsonl",
        json.dumps(TRACK) + "\n" + json.dumps(PAGE) + "\n",
        [
            ("a1@1731672000000", 1731672000000, "view_item_page", "p1"),
            ("a1@1731675600000", 1731675600000, "page_view", "p1"),
        ],
    ),
    "snowplow_tsv": (
        "enriched.tsv",
        "\n".join(map(snowplow_line, (SNOWPLOW_VIEW, SNOWPLOW_ORDER))) + "\n",
        [
            ("s-1", 1731672000123, "view_item_page", "SKU-1"),
            ("s-1", 1731672060000, "purchase_complete", None),
        ],
    ),
    "snowplow_json": (
        "enriched.jsonl",
        json.dumps(
            {
                "app_id": "shop",
                "platform": "web",
                "event": "unstruct",
                "event_id": "e1",
                "event_name": "snowplow_ecommerce_action",
                "collector_tstamp": "2024-11-15T12:00:00.456Z",
                "derived_tstamp": "2024-11-15T12:00:00.123Z",
                "domain_sessionid": "s-1",
                "page_url": "https://shop.example/p/1",
                "useragent": "Mozilla/5.0",
                f"unstruct_event_{ECOMMERCE}_snowplow_ecommerce_action_1": {"type": "add_to_cart"},
                f"contexts_{ECOMMERCE}_product_1": [
                    {"id": "SKU-1", "price": 19.9, "currency": "EUR"}
                ],
            }
        )
        + "\n",
        [("s-1", 1731672000123, "add_item_to_cart", "SKU-1")],
    ),
    "matomo": (
        "visits.json",
        json.dumps(
            [
                {
                    "idSite": "1",
                    "idVisit": "13270379",
                    "visitorId": "a1b2c3",
                    "browserName": "Firefox",
                    "referrerUrl": "https://search.example/",
                    "serverTimestamp": 1731672090,
                    "actionDetails": [
                        {"type": "action", "url": "https://shop.example/", "timestamp": 1731672000},
                        {
                            "type": "action",
                            "url": "https://shop.example/p/1",
                            "timestamp": 1731672030,
                            "productViewSku": "SKU-1",
                            "productViewPrice": 19.9,
                        },
                        {
                            "type": "ecommerceOrder",
                            "orderId": "o1",
                            "revenue": 19.9,
                            "timestamp": 1731672090,
                            "itemDetails": [{"itemSKU": "SKU-1", "itemPrice": 19.9}],
                        },
                    ],
                }
            ],
            indent=1,
        ),
        [
            ("13270379", 1731672000000, "page_view", None),
            ("13270379", 1731672030000, "view_item_page", "SKU-1"),
            ("13270379", 1731672090000, "purchase_complete", "SKU-1"),
        ],
    ),
    "amplitude": (
        "amplitude.json",
        json.dumps(
            {
                "$insert_id": "i1",
                "amplitude_id": 7,
                "device_id": "d1",
                "session_id": 1731672000000,
                "event_id": 12,
                "event_time": "2024-11-15 12:00:00.123000",
                "client_event_time": "2024-11-15 12:00:00.100000",
                "event_type": "Product Viewed",
                "event_properties": {"product_id": "SKU-1", "price": 19.9, "currency": "EUR"},
                "platform": "Web",
                "uuid": "u1",
            }
        )
        + "\n",
        [("d1.1731672000000", 1731672000123, "view_item_page", "SKU-1")],
    ),
    "mixpanel": (
        "mixpanel.jsonl",
        json.dumps(
            {
                "event": "Product Added",
                "properties": {
                    "time": 1731672000,
                    "distinct_id": "$device:d1",
                    "$device_id": "d1",
                    "$browser": "Chrome",
                    "$current_url": "https://shop.example/p/1",
                    "$insert_id": "i1",
                    "mp_lib": "web",
                    "product_id": "SKU-1",
                    "price": 19.9,
                },
            }
        )
        + "\n",
        [("d1@1731672000000", 1731672000000, "add_item_to_cart", "SKU-1")],
    ),
    "adobe_hits": (
        "hit_data.tsv",
        "17\t29\t1\t1731672000\t2,200\tshoes;SKU-1;;;;\thttps://shop.example/p/1\tshop:p1\t"
        "Mozilla/5.0\tEUR\n"
        "17\t29\t1\t1731672030\t100,1\tshoes;SKU-1;2;39.8;;\thttps://shop.example/ok\tshop:ok\t"
        "Mozilla/5.0\tEUR\n"
        "17\t29\t1\t1731672040\t\t\thttps://shop.example/a\\\tb\tshop:a\tMozilla/5.0\tEUR\n",
        [
            ("17.29.1", 1731672000000, "view_item_page", "SKU-1"),
            ("17.29.1", 1731672030000, "purchase_complete", "SKU-1"),
            ("17.29.1", 1731672040000, "page_view", None),
        ],
    ),
    "shopify_pixel": (
        "pixel.jsonl",
        "\n".join(
            json.dumps(
                {
                    "id": f"sh-{number}",
                    "clientId": "c1",
                    "name": name,
                    "type": "standard",
                    "seq": number,
                    "timestamp": f"2024-11-15T12:00:0{number}.000Z",
                    "context": {
                        "document": {"location": {"href": "https://shop.example/products/a"}},
                        "navigator": {"userAgent": "Mozilla/5.0"},
                    },
                    "data": data,
                }
            )
            for number, (name, data) in enumerate(
                [
                    ("product_viewed", {"productVariant": SHOPIFY_VARIANT}),
                    (
                        "product_added_to_cart",
                        {"cartLine": {"merchandise": SHOPIFY_VARIANT, "quantity": 1}},
                    ),
                    (
                        "checkout_completed",
                        {
                            "checkout": {
                                "currencyCode": "EUR",
                                "lineItems": [{"variant": SHOPIFY_VARIANT, "quantity": 1}],
                                "totalPrice": {"amount": 24.9, "currencyCode": "EUR"},
                            }
                        },
                    ),
                ]
            )
        )
        + "\n",
        [
            ("c1@1731672000000", 1731672000000, "view_item_page", "8950526378201"),
            ("c1@1731672000000", 1731672001000, "add_item_to_cart", "8950526378201"),
            ("c1@1731672000000", 1731672002000, "purchase_complete", "8950526378201"),
        ],
    ),
    "shopify_orders": (
        "orders_export.csv",
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Created at,"
        "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku\n"
        "#1001,a@example.com,paid,2024-11-15 13:00:05 +0100,EUR,59.70,5.00,0.00,64.70,"
        "2024-11-15 13:00:00 +0100,2,Shoes,19.90,SKU-1\n"
        "#1001,a@example.com,,,,,,,,2024-11-15 13:00:00 +0100,1,Hat,19.90,SKU-2\n",
        [
            ("#1001", 1731672000000, "purchase_complete", "SKU-1"),
            ("#1001", 1731672000000, "add_item_to_cart", "SKU-2"),
        ],
    ),
    "cloudfront": (
        "E2EXAMPLE.2024-11-15-12.log",
        "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) "
        "cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) "
        "x-edge-result-type x-edge-request-id\n"
        "2024-11-15\t12:00:00\tFRA56-C1\t335\t192.0.2.7\tGET\td1.cloudfront.net\t/products/77\t"
        "200\t-\tMozilla/5.0%20(X11)\t-\t-\tMiss\tr1==\n"
        "2024-11-15\t12:00:04\tFRA56-C1\t33\t192.0.2.7\tPOST\td1.cloudfront.net\t/cart\t"
        "200\t-\tMozilla/5.0%2520(X11)\t-\t-\tMiss\tr2==\n",
        [
            ("192.0.2.7.Mozilla/5.0 (X11)@1731672000000", 1731672000000, "view_item_page", "77"),
            ("192.0.2.7.Mozilla/5.0 (X11)@1731672000000", 1731672004000, "add_item_to_cart", None),
        ],
    ),
    "cloudflare": (
        "http_requests.jsonl",
        json.dumps(
            {
                "ClientIP": "192.0.2.7",
                "ClientRequestHost": "shop.example",
                "ClientRequestMethod": "GET",
                "ClientRequestPath": "/products/77",
                "ClientRequestURI": "/products/77?x=1",
                "ClientRequestUserAgent": "curl/8.5",
                "EdgeResponseStatus": 200,
                "EdgeStartTimestamp": 1731672000123000000,
                "RayID": "8e2a",
            }
        )
        + "\n",
        [("192.0.2.7.curl/8.5@1731672000123", 1731672000123, "view_item_page", "77")],
    ),
    "access_json": (
        "access.jsonl",
        json.dumps(
            {
                "time_iso8601": "2024-11-15T13:00:00+01:00",
                "remote_addr": "192.0.2.7",
                "request_method": "GET",
                "request_uri": "/products/77?x=1",
                "status": 200,
                "http_referer": "",
                "http_user_agent": "",
                "request_id": "r1",
            }
        )
        + "\n",
        [("192.0.2.7.-@1731672000000", 1731672000000, "view_item_page", "77")],
    ),
    "rees46": (
        "2019-Oct.csv",
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
        "user_session\n"
        "2019-10-01 00:00:00 UTC,view,44600062,2103,,shiseido,35.79,541312140,72d7\n",
        [("72d7", 1569888000000, "view_item_page", "44600062")],
    ),
    "ticket_funnel": (
        "requests.csv",
        "session,ts_ms,method,path,status\ns1,1731672000000,GET,/ticketing/77,200\n"
        "s1,1731672004000,POST,/api/bookings,201\n",
        [
            ("s1", 1731672000000, "view_item_page", "77"),
            ("s1", 1731672004000, "checkout_start", None),
        ],
    ),
}
# Files that a delivery has beside its data, by the mapping.
BESIDE = {
    "adobe_hits": (
        "column_headers.tsv",
        "visid_high\tvisid_low\tvisit_num\thit_time_gmt\tevent_list\tproduct_list\tpage_url\t"
        "pagename\tuser_agent\tcurrency\n",
    )
}
