/* check_hpack_examples.c - the examples of RFC 7541 appendix C, decoded with the states of the
   table, and encoded again to the same octets. */
#include "guard.h"
#include "hpack_text.h"

static const struct {
    uint64_t value;
    unsigned prefix;
    const char *hex;
} INTEGERS[] = {
    {10, 5, "0a"},       /* C.1.1 */
    {1337, 5, "1f9a0a"}, /* C.1.2 */
    {42, 8, "2a"},       /* C.1.3 */
    {0, 1, "00"},
    {1, 1, "0100"},
    {30, 5, "1e"},
    {31, 5, "1f00"},
    {158, 5, "1f7f"},
    {159, 5, "1f8001"},
    {255, 8, "ff00"},
    {UINT32_MAX, 8, "ff80feffff0f"},
    {UINT32_MAX, 1, "01feffffff0f"},
};

START_TEST(integers) {
    uint8_t wire[16];
    size_t n = unhex(INTEGERS[_i].hex, wire);
    unsigned prefix = INTEGERS[_i].prefix;
    uint8_t above = (uint8_t)(0xff << prefix); /* the bits that are not the integer's */
    struct buf out;
    buf_init(&out, 16);
    ck_assert_int_eq(hpack_integer_encode(INTEGERS[_i].value, prefix, above, &out), 0);
    ck_assert_uint_eq(out.len, n);
    ck_assert_uint_eq(out.data[0], wire[0] | above);
    ck_assert_mem_eq(out.data + 1, wire + 1, n - 1);
    uint64_t value = 0;
    for (size_t cut = 0; cut < n; cut++)
        ck_assert_int_eq(hpack_integer_decode(out.data, cut, prefix, &value), 0);
    ck_assert_int_eq(hpack_integer_decode(out.data, n, prefix, &value), (ssize_t)n);
    ck_assert_uint_eq(value, INTEGERS[_i].value);
    buf_dispose(&out);
}
END_TEST

struct example {
    const char *section;
    bool fresh; /* begins a new connection */
    size_t table_max;
    const char *hex, *fields, *table;
    size_t table_size;
    enum hpack_huffman huffman;
};

static const struct example EXAMPLES[] = {
    {"C.2.1", true, 4096, "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
     "custom-key: custom-header\n", "custom-key: custom-header\n", 55, HPACK_HUFFMAN_OFF},
    {"C.2.2", true, 4096, "040c2f73616d706c652f70617468", ":path: /sample/path\n", "", 0,
     HPACK_HUFFMAN_OFF},
    {"C.2.3", true, 4096, "100870617373776f726406736563726574", "password: secret\n", "", 0,
     HPACK_HUFFMAN_OFF},
    {"C.2.4", true, 4096, "82", ":method: GET\n", "", 0, HPACK_HUFFMAN_OFF},
    {"C.3.1", true, 4096, "828684410f7777772e6578616d706c652e636f6d",
     ":method: GET\n"
     ":scheme: http\n"
     ":path: /\n"
     ":authority: www.example.com\n",
     ":authority: www.example.com\n", 57, HPACK_HUFFMAN_OFF},
    {"C.3.2", false, 4096, "828684be58086e6f2d6361636865",
     ":method: GET\n"
     ":scheme: http\n"
     ":path: /\n"
     ":authority: www.example.com\n"
     "cache-control: no-cache\n",
     "cache-control: no-cache\n"
     ":authority: www.example.com\n",
     110, HPACK_HUFFMAN_OFF},
    {"C.3.3", false, 4096, "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
     ":method: GET\n"
     ":scheme: https\n"
     ":path: /index.html\n"
     ":authority: www.example.com\n"
     "custom-key: custom-value\n",
     "custom-key: custom-value\n"
     "cache-control: no-cache\n"
     ":authority: www.example.com\n",
     164, HPACK_HUFFMAN_OFF},
    {"C.4.1", true, 4096, "828684418cf1e3c2e5f23a6ba0ab90f4ff",
     ":method: GET\n"
     ":scheme: http\n"
     ":path: /\n"
     ":authority: www.example.com\n",
     ":authority: www.example.com\n", 57, HPACK_HUFFMAN_ON},
    {"C.4.2", false, 4096, "828684be5886a8eb10649cbf",
     ":method: GET\n"
     ":scheme: http\n"
     ":path: /\n"
     ":authority: www.example.com\n"
     "cache-control: no-cache\n",
     "cache-control: no-cache\n"
     ":authority: www.example.com\n",
     110, HPACK_HUFFMAN_ON},
    {"C.4.3", false, 4096, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
     ":method: GET\n"
     ":scheme: https\n"
     ":path: /index.html\n"
     ":authority: www.example.com\n"
     "custom-key: custom-value\n",
     "custom-key: custom-value\n"
     "cache-control: no-cache\n"
     ":authority: www.example.com\n",
     164, HPACK_HUFFMAN_ON},
    {"C.5.1", true, 256,
     "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a3133"
     "3a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
     ":status: 302\n"
     "cache-control: private\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "location: https://www.example.com\n",
     "location: https://www.example.com\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "cache-control: private\n"
     ":status: 302\n",
     222, HPACK_HUFFMAN_OFF},
    {"C.5.2", false, 256, "4803333037c1c0bf",
     ":status: 307\n"
     "cache-control: private\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "location: https://www.example.com\n",
     ":status: 307\n"
     "location: https://www.example.com\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "cache-control: private\n",
     222, HPACK_HUFFMAN_OFF},
    {"C.5.3", false, 256,
     "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a"
     "69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d"
     "61782d6167653d333630303b2076657273696f6e3d31",
     ":status: 200\n"
     "cache-control: private\n"
     "date: Mon, 21 Oct 2013 20:13:22 GMT\n"
     "location: https://www.example.com\n"
     "content-encoding: gzip\n"
     "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n",
     "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
     "content-encoding: gzip\n"
     "date: Mon, 21 Oct 2013 20:13:22 GMT\n",
     215, HPACK_HUFFMAN_OFF},
    {"C.6.1", true, 256,
     "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d"
     "29ad171863c78f0b97c8e9ae82ae43d3",
     ":status: 302\n"
     "cache-control: private\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "location: https://www.example.com\n",
     "location: https://www.example.com\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "cache-control: private\n"
     ":status: 302\n",
     222, HPACK_HUFFMAN_ON},
    {"C.6.2", false, 256, "4883640effc1c0bf",
     ":status: 307\n"
     "cache-control: private\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "location: https://www.example.com\n",
     ":status: 307\n"
     "location: https://www.example.com\n"
     "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
     "cache-control: private\n",
     222, HPACK_HUFFMAN_ON},
    {"C.6.3", false, 256,
     "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821d"
     "d7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b106"
     "3d5007",
     ":status: 200\n"
     "cache-control: private\n"
     "date: Mon, 21 Oct 2013 20:13:22 GMT\n"
     "location: https://www.example.com\n"
     "content-encoding: gzip\n"
     "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n",
     "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
     "content-encoding: gzip\n"
     "date: Mon, 21 Oct 2013 20:13:22 GMT\n",
     215, HPACK_HUFFMAN_ON},
};

/* A peer's two halves: what the decoder hands over is encoded again verbatim. */
struct pair {
    struct hpack_decoder *decoder;
    struct hpack_encoder *encoder;
    struct buf fields, again;
    enum hpack_huffman huffman;
};

static int take(void *ctx, const struct hpack_item *item) {
    struct pair *p = ctx;
    return text_item(&p->fields, item) |
           hpack_encode_item(p->encoder, item, p->huffman, p->huffman, &p->again);
}

static void check_table(const struct hpack_table *t, const struct example *x) {
    struct buf text;
    buf_init(&text, TEXT_MAX);
    text_table(&text, t);
    ck_assert_str_eq(text_end(&text), x->table);
    ck_assert_uint_eq(hpack_table_size(t), x->table_size);
    buf_dispose(&text);
}

static void run_example(struct pair *p, const struct example *x) {
    uint8_t wire[256];
    size_t n = unhex(x->hex, wire);
    struct hpack_error error;
    p->fields.len = p->again.len = 0;
    p->huffman = x->huffman;
    ck_assert_int_eq(hpack_decode(p->decoder, wire, n, take, p, &error), HPACK_OK);
    ck_assert_str_eq(text_end(&p->fields), x->fields);
    ck_assert_uint_eq(p->again.len, n);
    ck_assert_mem_eq(p->again.data, wire, n);
    check_table(hpack_decoder_table(p->decoder), x);
    check_table(hpack_encoder_table(p->encoder), x);
}

START_TEST(examples) {
    struct pair p = {0};
    buf_init(&p.fields, TEXT_MAX);
    buf_init(&p.again, TEXT_MAX);
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof *EXAMPLES; i++) {
        if (EXAMPLES[i].fresh) {
            hpack_decoder_free(p.decoder);
            hpack_encoder_free(p.encoder);
            p.decoder = hpack_decoder_new(EXAMPLES[i].table_max, TEXT_MAX);
            p.encoder = hpack_encoder_new(EXAMPLES[i].table_max);
        }
        run_example(&p, &EXAMPLES[i]);
    }
    hpack_decoder_free(p.decoder);
    hpack_encoder_free(p.encoder);
    buf_dispose(&p.fields);
    buf_dispose(&p.again);
}
END_TEST

/* The encoder's own choice is that of C.4 and C.6, but for one string that is as long either way.
 */
START_TEST(own_choice) {
    struct hpack_encoder *e = NULL;
    struct buf out;
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof *EXAMPLES; i++) {
        const struct example *x = &EXAMPLES[i];
        if (x->huffman != HPACK_HUFFMAN_ON)
            continue;
        if (x->fresh) {
            hpack_encoder_free(e);
            e = hpack_encoder_new(x->table_max);
        }
        out.len = 0;
        for (const char *at = x->fields; *at;) {
            size_t line = strcspn(at, "\n");
            const char *colon = strstr(at, ": ");
            ck_assert_int_eq(hpack_encode_field(e, (const uint8_t *)at, (size_t)(colon - at),
                                                (const uint8_t *)colon + 2,
                                                (size_t)(at + line - colon - 2), false, &out),
                             0);
            at += line + 1;
        }
        uint8_t wire[256];
        ck_assert_uint_eq(out.len, unhex(x->hex, wire));
        if (strcmp(x->section, "C.6.2") != 0)
            ck_assert_mem_eq(out.data, wire, out.len);
        check_table(hpack_encoder_table(e), x);
    }
    hpack_encoder_free(e);
    buf_dispose(&out);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("examples");
    tcase_add_loop_test(tests, integers, 0, sizeof INTEGERS / sizeof *INTEGERS);
    tcase_add_test(tests, examples);
    tcase_add_test(tests, own_choice);
    return guard_run("hpack_examples", tests);
}
