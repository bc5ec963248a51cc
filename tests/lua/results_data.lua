-- Result tables with fixed contents, for the tests of the reports (docs/runtime.md says what the members are).
local data = {}

local function octets()
  local all = {}
  for i = 0, 255 do all[i + 1] = string.char(i) end
  return table.concat(all)
end

local function summary(list)
  local counts = { total = #list, pass = 0, warn = 0, fail = 0, skip = 0, inconclusive = 0, error = 0 }
  for _, result in ipairs(list) do
    local counted = result.expected_failure and "expected_failures" or result.verdict
    counts[counted] = (counts[counted] or 0) + 1
  end
  return counts
end

--- A result table around a list of results.
function data.table(list, more)
  local all = { schema = 1, tool = { name = "h2probe", version = "0.1.0" }, target = "https://localhost:8443/",
    started = "2026-11-23T10:00:00Z", seconds = 0.4125, complete = true, results = list, summary = summary(list),
    modes = { { mode = "alpn", offered = true }, { mode = "prior", offered = true },
      { mode = "upgrade", offered = false, reason = "the answer to the request with Upgrade: h2c was 200" } } }
  for key, value in pairs(more or {}) do
    all[key] = value
  end
  return all
end

local function result(suite, name, mode, verdict, more)
  local one = { id = suite .. "/" .. name, suite = suite, mode = mode, verdict = verdict, title = "a case about " .. name,
    level = "MUST", req = { "RFC9113-6.5-10" }, seconds = 0.0042, notes = {}, location = "suites/" .. suite .. ".lua:12",
    statement = "A SETTINGS frame whose length is not a multiple of 6 octets is a connection error.",
    command = ("h2probe run https://localhost:8443/ %s/%s --mode %s"):format(suite, name, mode) }
  for key, value in pairs(more or {}) do
    one[key] = value
  end
  return one
end

local function entry(time, sent, name, text, lines)
  return { time = time, sent = sent, kind = "frame", name = name, stream = 0, text = text, lines = lines or {} }
end

-- A case that was answered by nothing: the stimulus, two PINGs, and a long witness.
local function silence()
  local list = { { time = 0, sent = true, kind = "preface", name = "preface", text = "client connection preface (24 octets)" },
    entry(0.0001, true, "SETTINGS", "SETTINGS stream 0 (6 octets)", { "ENABLE_PUSH = 0" }),
    entry(0.0002, false, "SETTINGS", "SETTINGS stream 0 (12 octets)", { "MAX_CONCURRENT_STREAMS = 100", "0x00ff = 1" }),
    entry(0.0003, true, "SETTINGS", "SETTINGS stream 0 ACK (0 octets)"),
    entry(0.0004, false, "SETTINGS", "SETTINGS stream 0 ACK (0 octets)"),
    entry(0.0005, true, "PRIORITY", "PRIORITY stream 3 (5 octets)", { "depends on 3, weight 16" }) }
  for i = 1, 2 do
    list[#list + 1] = entry(0.0006 * i, true, "PING", "PING stream 0 (8 octets)", { ('"h2p0000%d"'):format(i) })
    list[#list + 1] = entry(0.0007 * i, false, "PING", "PING stream 0 ACK (8 octets)", { ('"h2p0000%d"'):format(i) })
  end
  list[#list + 1] = entry(0.002, true, "HEADERS", "HEADERS stream 1 END_STREAM END_HEADERS (12 octets)",
    { ":method: GET", ":scheme: https", ":authority: localhost:8443", ":path: /", "user-agent: h2probe", "accept: */*",
      "x: y" })
  list[#list + 1] = entry(0.0021, false, "HEADERS", "HEADERS stream 1 END_HEADERS (20 octets)", { ":status: 200" })
  for i = 1, 6 do
    list[#list + 1] = entry(0.0021 + i / 10000, false, "DATA", "DATA stream 1 (16384 octets)")
  end
  list[#list + 1] = entry(0.0028, true, "WINDOW_UPDATE", "WINDOW_UPDATE stream 0 (4 octets)", { "increment 98304" })
  list[#list + 1] = { time = 0.003, sent = false, kind = "note", name = "note", text = "closed" }
  return list
end

function data.passes()
  local list = {}
  for _, mode in ipairs { "alpn", "prior" } do
    for i = 1, 3 do
      list[#list + 1] = result("http2/settings", "case-" .. i, mode, "pass", { level = i == 3 and "SHOULD" or "MUST" })
    end
    list[#list + 1] = result("hpack", "static-table", mode, "pass",
      { notes = { "the connection was closed without GOAWAY" } })
  end
  return data.table(list)
end

--- Each verdict, the same failure in two modes, findings of the watchman.
function data.verdicts()
  local broken = { row = "3", expected = "GOAWAY(FRAME_SIZE_ERROR) or the end of the connection",
    observed = "PING acknowledged twice, witness request answered 200; no error came",
    notes = { "seen twice: a second run with more patience came to the same" }, transcript = silence() }
  local list = {
    result("http2/settings", "length-multiple-of-6", "alpn", "fail", broken),
    result("http2/settings", "length-multiple-of-6", "prior", "fail", broken),
    result("http2/settings", "ack-with-payload", "alpn", "pass"),
    result("http2/settings", "initial-window", "alpn", "warn", { level = "SHOULD", req = { "RFC9113-6.9.2-3" },
      statement = "Something that SHOULD be done.", expected = "GOAWAY", observed = "RST_STREAM(INTERNAL_ERROR)",
      transcript = { entry(0.1, true, "PING", "PING length 8") } }),
    result("http2/goaway", "last-stream", "alpn", "inconclusive", { observed = "the peer shut down gracefully: GOAWAY(NO_ERROR)" }),
    result("http2/goaway", "script", "alpn", "error", { req = {}, level = nil, statement = nil,
      observed = "suites/http2/goaway.lua:40: attempt to index a nil value (global 'foo')" }),
    result("upgrade", "answer-on-stream-1", "upgrade", "skip", { observed = "the peer does not upgrade" }),
    result("upgrade", "settings", "upgrade", "skip", { observed = "the peer does not upgrade" }),
    result("messages", "large", "prior", "skip", { level = "MAY", observed = "no path with 64 KiB of content" }),
  }
  list[5].transcript = {}
  list[#list + 1] = { id = "watch/RFC9113-8.2.1-4", suite = "watch", mode = "alpn", verdict = "fail", level = "MUST",
    title = "Field names are in lower case.", statement = "Field names are in lower case.",
    req = { "RFC9113-8.2.1-4" }, expected = "Field names are in lower case.", observed = "the field name Content-Type",
    seconds = 0, notes = { "seen in http2/settings/ack-with-payload" }, command = "h2probe run https://localhost:8443/ --mode alpn",
    transcript = { entry(0.1, false, "HEADERS", "HEADERS stream 1", { "Content-Type: text/plain",
      "! a field name in upper case" }), entry(0.2, false, "DATA", "DATA stream 1 END_STREAM") } }
  return data.table(list)
end

--- Several rounds that were not all alike.
function data.flaky()
  local all = data.passes()
  all.flakes = { { id = all.results[1].id, mode = "alpn", verdicts = { pass = 4, skip = 1 } },
    { id = all.results[5].id, mode = "prior", verdicts = { pass = 4, absent = 1 } } }
  return all
end

--- Known failures, an expectation that does not hold, and where a finding was seen.
function data.expected()
  local all = data.verdicts()
  for i, one in ipairs(all.results) do
    if one.verdict ~= "pass" and one.verdict ~= "skip" then
      one.expected_failure = { reason = "ticket 12", file = "known.txt", line = i }
      all.summary[one.verdict] = all.summary[one.verdict] - 1
      all.summary.expected_failures = (all.summary.expected_failures or 0) + 1
    end
  end
  all.results[#all.results].seen_in = "http2/settings/ack-with-payload"
  all.expectations = { file = "known.txt", problems = { { line = 12, kind = "passes", id = "http2/settings/ack-with-payload",
    text = "known.txt:12: http2/settings/ack-with-payload passes: delete the line" } } }
  return all
end

--- Known failures, expectations that do not hold, a shard, a profile.
function data.gated()
  local function known(reason, line)
    return { reason = reason, file = "known.txt", line = line }
  end
  local list = {}
  for _, mode in ipairs { "alpn", "prior" } do
    list[#list + 1] = result("http2/settings", "known", mode, "fail", { observed = "nothing", transcript = silence(),
      expected_failure = known("ticket 12, mended in 2.0", 3) })
    list[#list + 1] = result("http2/settings", "sound", mode, "pass")
  end
  list[#list + 1] = result("hpack", "known-warning", "alpn", "warn", { level = "SHOULD", observed = "a warning",
    expected_failure = known("as it is meant to be: <" .. octets() .. ">", 4) })
  list[#list + 1] = result("hpack", "known-skip", "alpn", "skip", { observed = "not offered",
    expected_failure = known("no push here", 5) })
  list[#list + 1] = result("hpack", "flaky", "alpn", "fail", { observed = "once", expected_failure = known("flaky", 6) })
  return data.table(list, { shard = { index = 2, total = 4 }, profile = "rfc7540", settings_file = "h2probe.lua",
    flakes = { { id = "hpack/flaky", mode = "alpn", verdicts = { pass = 4, fail = 1 }, expected_failure = known("flaky", 6) } },
    expectations = { file = "known.txt", problems = {
      { line = 7, kind = "passes", id = "http2/settings/sound",
        text = "known.txt:7: http2/settings/sound passes in mode alpn, prior: delete the line" },
      { line = 8, kind = "unknown", id = "http2/nope", text = "known.txt:8: there is no case 'http2/nope': delete the line" } } } })
end

--- Every octet in every member that can hold something of the peer's or the user's.
function data.hostile()
  local all = octets()
  local function one(verdict, name)
    return { id = "probe/" .. name, suite = "probe", mode = "alpn", verdict = verdict, title = "title " .. all,
      level = "MUST", req = { "RFC9113-6.5-10" }, statement = all, seconds = 0 / 0, row = all, expected = all,
      observed = "]]>" .. all .. "\27[2J\u{202e}\u{9b}[[ATTACHMENT|/etc/hostname]]", notes = { all, "second" }, location = all,
      command = "h2probe run 'https://localhost/\27[31m' probe --mode alpn",
      transcript = { { time = 0.001, sent = false, kind = "frame", name = "DATA", stream = 1,
        text = "DATA \u{fffe}\u{ffff}\u{d7ff}\xed\xa0\x80 " .. all, lines = { all, "<![CDATA[" .. all } } } }
  end
  local list = {}
  for _, verdict in ipairs { "pass", "warn", "fail", "skip", "inconclusive", "error" } do
    list[#list + 1] = one(verdict, verdict)
  end
  list[#list + 1] = one("fail", "fail")
  return data.table(list, { target = "https://" .. all, interrupted = "SIGINT", died = nil, seconds = 1 / 0,
    modes = { { mode = "alpn", offered = false, reason = all } } })
end

function data.empty()
  return data.table({}, { seconds = 0 })
end

function data.interrupted()
  local list = { result("hpack", "one", "alpn", "pass") }
  for i = 1, 3 do
    list[#list + 1] = result("hpack", "later-" .. i, "alpn", "error", { observed = "not run: interrupted", seconds = 0 })
  end
  return data.table(list, { interrupted = "SIGINT", complete = false })
end

--- Long words, long prose, many lines, a long command.
function data.long()
  local value = ("x"):rep(5000)
  local lines = {}
  for i = 1, 30 do lines[i] = "field-" .. i .. ": " .. ("v"):rep(200) end
  local one = result("http2/headers", ("a-long-name-"):rep(9) .. "end", "alpn", "fail", { observed = "the value " .. value,
    expected = ("any of these things, "):rep(20), title = ("a title of many words "):rep(10), notes = { value },
    command = "h2probe run https://a-host-with-a-long-name.example:8443/ http2/headers/a-case --mode alpn --header "
      .. "'x-forwarded-for: 192.0.2.1,  192.0.2.2' --cacert /etc/ssl/certs/some-long-name.pem --timeout 5",
    transcript = { entry(12.5, true, "HEADERS", "HEADERS stream 1 " .. value, lines),
      entry(13.5, false, "RST_STREAM", "RST_STREAM stream 1 \\x00\\x01" .. ("\\xff"):rep(100)) } })
  return data.table { one }
end

return data
