-- What the outcomes of a TLS handshake say (RFC 8446 section 6, RFC 7301 section 3).
local outcome = require "h2probe.outcome"

local function answer(...)
  return { message = "ServerHello", octets = "", names = { ... }, misplaced = false }
end

-- A view: what start_tls came to, and how the connection ended.
local function view(tls, more)
  tls.answers = tls.answers or {}
  tls.selected = tls.answers[1] and tls.answers[1].names and tls.answers[1].names[1]
  local made = { tls = tls, seconds = 2 }
  for key, value in pairs(more or {}) do made[key] = value end
  return made
end

local function done(...)
  return view({ alpn = (...), answers = { ... and answer(...) } }, { secure = true })
end

local GAVE_UP = { ended = { how = "tls_error", text = "TLS: bad extension" } }
local CLOSED = { ended = { how = "fin" } }
local ALERT = { ended = { how = "alert", alert_name = "decode_error" } }
local FORGED_CLOSED = { forged = true, ended = { how = "fin" } }

local H2, NONE, ANY_ALERT = outcome.selects("h2", "http/1.1"), outcome.no_alpn(), outcome.tls_alert()
local DECODE = outcome.tls_alert("decode_error", "illegal_parameter")

local ROWS = {
  -- selects
  { "selected", H2, done "h2", "pass", "'h2' was selected" },
  { "another name", H2, done "x", "fail", "'x' was selected" },
  { "no name", H2, done(), "fail", "without ALPN" },
  { "two names", H2, done("h2", "http/1.1"), "fail", "2 names in the answer" },
  { "two extensions", H2, view({ answers = { answer "h2", answer "h2" } }, { secure = true }), "fail", "2 ALPN extensions" },
  { "no list", H2, view({ answers = { { message = "ServerHello", octets = "" } } }, GAVE_UP), "fail", "no list of names" },
  { "wrong message", H2, view({ answers = { { names = { "h2" }, misplaced = true } } }, { secure = true }), "fail",
    "not in EncryptedExtensions" },
  { "refused by us", H2, view({ answers = { answer "x" } }, GAVE_UP), "fail", "'x' was selected" },
  { "our trouble with the rest", H2, view({ answers = { answer "h2" } }, GAVE_UP), "pass", "'h2' was selected" },
  { "our trouble", H2, view({}, GAVE_UP), "inconclusive", "bad extension" },
  { "alert", H2, view({ alert = "handshake_failure" }, ALERT), "fail", "TLS alert handshake_failure" },
  { "the end", H2, view({}, CLOSED), "fail", "the end of the connection" },
  { "silence", H2, view({}, { handshake_over_time = true, ended = { how = "tls_error" } }), "fail", "within 2 s" },

  -- no_alpn
  { "no name", NONE, done(), "pass", "without ALPN" },
  { "a name", NONE, done "h2", "fail", "'h2' was selected" },
  { "an unasked name that we refuse", NONE, view({ answers = { answer "h2" } }, GAVE_UP), "fail", "'h2' was selected" },
  { "alert", NONE, view({ alert = "decode_error" }, ALERT), "fail", "decode_error" },

  -- tls_alert
  { "the alert", DECODE, view({ alert = "decode_error" }, ALERT), "pass", "decode_error", 0 },
  { "another", DECODE, view({ alert = "handshake_failure" }, ALERT), "pass", "handshake_failure", 1 },
  { "any", ANY_ALERT, view({ alert = "handshake_failure" }, ALERT), "pass", "handshake_failure", 0 },
  { "the end", DECODE, view({}, CLOSED), "pass", "the end of the connection", 1 },
  { "a handshake", DECODE, done "h2", "fail", "succeeded (ALPN h2)" },
  { "an answer that we refuse", ANY_ALERT, view({ answers = { answer "x" } }, GAVE_UP), "fail", "'x' was selected" },
  { "our trouble", ANY_ALERT, view({}, GAVE_UP), "inconclusive", "bad extension" },
  { "ServerHello, then the end", ANY_ALERT, view({ server_hello = "s" }, CLOSED), "pass", "the end" },
  { "ServerHello to a forged hello", DECODE, view({ server_hello = "s" }, FORGED_CLOSED), "fail", "a ServerHello" },
  { "with a name", DECODE, view({ server_hello = "s", answers = { answer "h2" } }, FORGED_CLOSED), "fail", "'h2' was selected" },
  { "after a retry", DECODE, view({ server_hello = "s", hello_retried = true }, FORGED_CLOSED), "inconclusive", "HelloRetryRequest" },
  { "forged, refused", DECODE, view({ alert = "decode_error" }, { forged = true, ended = ALERT.ended }), "pass", "decode_error", 0 },
  { "silence", DECODE, view({}, { timeout = true }), "fail", "no TLS alert within 2 s" },
}

describe("a TLS outcome", function()
  for _, row in ipairs(ROWS) do
    local what, wanted, given, verdict, text, notes = table.unpack(row, 1, 6)
    it(("says %s: %s (%s)"):format(verdict, what, wanted.expected), function()
      local found = assert(outcome.judge(wanted, given))
      assert.equal(verdict, found.verdict, tostring(found.observed))
      assert.truthy(found.observed:find(text, 1, true), found.observed)
      if notes then
        assert.equal(notes, #found.notes)
      end
    end)
  end

  it("waits while nothing is decided", function()
    for _, wanted in ipairs { H2, NONE, DECODE } do
      assert.is_nil(outcome.judge(wanted, view {}))
    end
  end)

  it("accuses on silence only to be confirmed", function()
    assert.is_true(outcome.judge(H2, view({}, CLOSED)).silent)
    assert.is_false(outcome.judge(H2, view({ alert = "decode_error" }, ALERT)).silent)
  end)
end)
