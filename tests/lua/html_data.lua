-- Result tables for the tests of the HTML report: hostile values in every member, many cases, results to compare.
local data = dofile "tests/lua/results_data.lua"

local html_data = {}

local function octets()
  local all = {}
  for i = 0, 255 do all[i + 1] = string.char(i) end
  return table.concat(all)
end

-- What would run, break out of an element, or turn the direction of writing if it were not escaped.
html_data.ATTACKS = {
  "</script><script>window.pwned = 1</script>", "<!--<script>window.pwned = 1", "-->", "<![CDATA[", "]]>",
  "\"><img src=x onerror='window.pwned = 1'>", "'><svg onload=window.pwned=1>", "</pre></details></main><h1>pwned</h1>",
  "</style><style>* { display: none }", "</title><base href='https://example.com/'>", "javascript:window.pwned=1",
  "&lt;b&gt; &amp;amp; &#60;i&#62;", "a\u{2028}b\u{2029}c\u{202e}d\u{200f}e\u{2066}f\u{feff}g", octets(), "\0\0\0", "\xff\xfe\xc0\xaf",
  "\xed\xa0\x80\xf4\x90\x80\x80", "\n\n      9.999 -> SETTINGS stream 0 (0 octets)\n", "${window.pwned = 1}", "",
  "#x\" onclick=\"window.pwned=1", ("x"):rep(70000), ("<b>"):rep(500), ("\u{202e}"):rep(500), "a b\tc",
}

local function hostile_entry(attack, i)
  local kinds = { "frame", "octets", "note", "preface", "bad_preface", attack }
  local streams = { 0, 1, -1, 2 ^ 31, 1.5, 2 ^ 60 | 0, attack }
  return { time = ({ 0, -1, 1e300, 0 / 0, 1 / 0 })[i % 5 + 1], sent = i % 2 == 0, kind = kinds[i % #kinds + 1],
    name = i % 3 == 0 and "connection" or attack, stream = streams[i % #streams + 1], text = attack, lines = { attack, "! " .. attack, attack } }
end

local function hostile_result(attack, i, verdict)
  local transcript = {}
  for j, each in ipairs(html_data.ATTACKS) do
    transcript[j] = hostile_entry(i % 7 == 0 and each or attack, j)
  end
  return { id = attack .. "/" .. attack, mode = attack, suite = attack, verdict = verdict, level = attack, title = attack,
    req = { attack, "RFC9113-6.5-7", "RFC" .. attack .. "-1-1", "RFC1-" .. attack .. "-1" }, statement = attack, row = attack,
    expected = attack, observed = attack, notes = { attack, attack }, location = attack, seconds = 1 / 0, command = attack,
    transcript = transcript }
end

--- Each attack in every member, and as a verdict.
function html_data.hostile(target)
  local list = {}
  local kinds = { "fail", "error", "warn", "inconclusive", "skip", "pass" }
  for i, attack in ipairs(html_data.ATTACKS) do
    list[i] = hostile_result(attack, i, kinds[i % #kinds + 1])
  end
  local all = data.table(list, { target = target or html_data.ATTACKS[1], started = html_data.ATTACKS[6], seconds = 0 / 0,
    tool = { name = html_data.ATTACKS[6], version = html_data.ATTACKS[1] },
    modes = { { mode = html_data.ATTACKS[6], offered = false, reason = html_data.ATTACKS[1] } },
    flakes = { { id = html_data.ATTACKS[1], mode = html_data.ATTACKS[6], verdicts = { pass = 1, fail = 2 } } } })
  list[#list + 1] = hostile_result("other", 1, "a verdict <b> of tomorrow")
  return all
end

local function frame(time, sent, name, stream, text, lines)
  return { time = time, sent = sent, kind = "frame", name = name, stream = stream, text = text, lines = lines or {} }
end

-- A request and its answer on each of so many streams.
local function talk(streams)
  local list = { { time = 0, sent = true, kind = "note", name = "note", text = "connected to 127.0.0.1:8443", lines = {} },
    { time = 0.001, sent = false, kind = "note", name = "note", text = "TLSv1.3, TLS_AES_256_GCM_SHA384, ALPN h2", lines = {} },
    { time = 0.001, sent = true, kind = "preface", name = "preface", text = "client connection preface (24 octets)", lines = {} },
    frame(0.0011, true, "SETTINGS", 0, "SETTINGS stream 0 (12 octets)", { "ENABLE_PUSH = 0", "INITIAL_WINDOW_SIZE = 0" }) }
  for i = 1, streams do
    local stream = 2 * i - 1
    list[#list + 1] = frame(0.002 + i / 1000, true, "HEADERS", stream, ("HEADERS stream %d END_STREAM END_HEADERS (16 octets)"):format(stream),
      { ":method: GET  [indexed 2]", ":path: /  [indexed 4]" })
    list[#list + 1] = frame(0.0025 + i / 1000, false, "HEADERS", stream, ("HEADERS stream %d END_HEADERS (9 octets)"):format(stream),
      { ":status: 200  [indexed 8]", "server: test  [literal with incremental indexing]" })
  end
  list[#list + 1] = frame(0.9, false, "GOAWAY", 0, "GOAWAY stream 0 (8 octets)", { "PROTOCOL_ERROR, last stream 1" })
  return list
end

--- So many cases, each with a conversation; every tenth failed, one has a long conversation.
function html_data.many(count)
  local list = {}
  local levels, modes = { "MUST", "SHOULD", "MAY" }, { "alpn", "prior" }
  for i = 1, count do
    local verdict = i % 10 == 0 and "fail" or i % 17 == 0 and "warn" or i % 23 == 0 and "skip" or "pass"
    local suite = ("folder-%d/suite-%d"):format(i % 7, i % 35)
    list[i] = { id = ("%s/case-%d"):format(suite, i), mode = modes[i % 2 + 1], suite = suite, verdict = verdict, level = levels[i % 3 + 1],
      title = ("case number %d"):format(i), req = { ("RFC9113-%d.%d-1"):format(i % 9 + 1, i % 4 + 1) }, statement = "Something is so.",
      expected = "GOAWAY(PROTOCOL_ERROR)", observed = verdict == "pass" and "GOAWAY(PROTOCOL_ERROR)" or "no error came, number " .. i,
      notes = {}, location = "suites/x.lua:1", seconds = 0.01, command = "h2probe run https://localhost/ " .. suite .. "/case-" .. i,
      transcript = talk(i == 20 and 200 or 6) }
  end
  if list[10] then list[10].transcript[6].mark = true end
  return data.table(list)
end

--- Three columns: what all agree on, what they differ in, what only one has.
function html_data.columns()
  local function column(verdicts, more)
    local list = {}
    for i, verdict in ipairs(verdicts) do
      if verdict ~= "absent" then
        list[#list + 1] = { id = "suite/case-" .. i, suite = "suite", mode = "alpn", verdict = verdict, level = "MUST", title = "case " .. i,
          req = { "RFC9113-6.5-7" }, statement = "S.", expected = "E", observed = verdict .. " was seen", notes = {}, seconds = 0.001,
          command = "h2probe run x suite/case-" .. i, transcript = talk(2) }
      end
    end
    return data.table(list, more)
  end
  return {
    { label = "nginx 1.22", results = column({ "pass", "pass", "fail", "skip", "pass", "fail" }) },
    { label = "h2o <2.2>", results = column({ "pass", "fail", "fail", "pass", "absent", "pass" }) },
    { label = "nginx 1.22", results = column({ "pass", "warn", "fail", "pass", "pass", "absent", "pass" }) },
  }
end

return html_data
