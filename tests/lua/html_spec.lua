-- The HTML report as text: well-formed and safe whatever the peer sends, the same file for the same results.
--
-- The golden files hold the page without styles and script. `H2PROBE_GOLDEN=write` writes them anew.
local data = dofile "tests/lua/results_data.lua"
local dkjson = require "dkjson"
local focus_of = require "h2probe.reports.shared.focus"
local html = require "h2probe.reports.html"
local html_data = dofile "tests/lua/html_data.lua"
local markup = require "h2probe.reports.html.markup"

local GOLDEN <const> = "tests/data/golden/"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read "a"
  file:close()
  return content
end

local function write(path, content)
  local file = assert(io.open(path, "wb"))
  assert(file:write(content))
  assert(file:close())
end

-- What tests/lua/html_check.py says about a page; it complains about whatever is not well-formed.
local function checked(page)
  local input = os.tmpname()
  write(input, page)
  local pipe = assert(io.popen("python3 tests/lua/html_check.py <" .. input .. " 2>&1"))
  local said = pipe:read "a"
  local ok = pipe:close()
  os.remove(input)
  assert.is_true(ok, said)
  return assert(dkjson.decode(said), said)
end

local function without_code(page)
  return (page:gsub("<style>.-</style>", "<style></style>"):gsub("<script>.-</script>", "<script></script>")
    :gsub("sha256%-[%w+/]+=*", "sha256-"))
end

local function golden(name, page)
  local content = without_code(page)
  if os.getenv "H2PROBE_GOLDEN" == "write" then
    write(GOLDEN .. name, content)
  end
  assert.are.equal(read(GOLDEN .. name), content)
end

local function has(page, text)
  assert.is_truthy(page:find(text, 1, true), text)
end

describe("the page", function()
  for _, name in ipairs { "passes", "verdicts", "empty", "interrupted", "flaky" } do
    it("golden " .. name, function()
      local page = html.write(data[name]())
      checked(page)
      golden(name .. ".html", page)
    end)
  end

  it("is the same for the same results", function()
    assert.are.equal(html.write(data.verdicts()), html.write(data.verdicts()))
    assert.are.equal(html.compare(html_data.columns()), html.compare(html_data.columns()))
  end)

  it("has each case once, with an address of its own", function()
    local report = checked(html.write(html_data.many(40)))
    local ids = {}
    for _, id in ipairs(report.ids) do ids[id] = true end
    for _, result in ipairs(html_data.many(40).results) do
      assert.is_true(ids[result.id .. "." .. result.mode])
    end
    assert.are.equal(40 * 2 + 1, report.counts.details) -- with the conversations, and the table of suites
  end)

  it("keeps two results with the same id and mode apart", function()
    local all = data.passes()
    all.results[2].id = all.results[1].id
    checked(html.write(all))
  end)

  it("says what the exit status says, also under --strict", function()
    has(html.write(data.passes()), "Passed (exit status 0).")
    local all = data.verdicts()
    for i = #all.results, 1, -1 do
      if all.results[i].verdict ~= "warn" then table.remove(all.results, i) end
    end
    all = data.table(all.results)
    has(html.write(all), "Passed with 1 warning (exit status 0).")
    has(html.write(all, { strict = true }), "Not passed: 1 warning under --strict (exit status 1).")
  end)

  it("holds one copy of a conversation", function()
    local all = data.table { data.verdicts().results[1] }
    all.results[1].transcript[1].text = "a text that occurs once"
    local _, count = html.write(all):gsub("a text that occurs once", "")
    assert.are.equal(1, count)
  end)

  it("grows by what is in the results, not by more", function()
    local one, many = #html.write(html_data.many(1)), #html.write(html_data.many(1001))
    assert.is_true(many - one < 6000 * 1000)
  end)
end)

describe("hostile values", function()
  it("stay values", function()
    local page = html.write(html_data.hostile())
    local report = checked(page)
    assert.are.equal(1, report.counts.script)
    assert.is_nil(report.counts.img)
    has(page, "&lt;/script&gt;&lt;script&gt;window.pwned = 1&lt;/script&gt;")
    has(page, "&amp;lt;b&amp;gt;")
    has(page, "\\xe2\\x80\\xae")
  end)

  it("stay values in a comparison, in labels as well", function()
    local list = {}
    for i, attack in ipairs(html_data.ATTACKS) do
      list[i] = i < 4 and { label = attack, results = html_data.hostile(attack) } or nil
    end
    assert.are.equal(1, checked(html.compare(list)).counts.script)
  end)

  it("stay values whatever octets they are", function()
    checked(html.write(data.hostile()))
    checked(html.write(data.long()))
  end)

  it("are cut where they are endless, and only there", function()
    local all = data.long()
    for _, name in ipairs { "observed", "expected", "title" } do all.results[1][name] = ("\xff\u{e4}"):rep(4000000) end
    local page = html.write(all)
    assert.is_true(#page < 2000000)
    has(page, "octets more)")
    checked(page)
  end)
end)

describe("a requirement", function()
  it("links to its section", function()
    has(markup.requirement "RFC9113-6.5-7", 'href="https://www.rfc-editor.org/rfc/rfc9113#section-6.5"')
    has(markup.requirement "RFC9113-8.2.1-4", 'href="https://www.rfc-editor.org/rfc/rfc9113#section-8.2.1"')
    has(markup.requirement "RFC7541-C.4-1", 'href="https://www.rfc-editor.org/rfc/rfc7541#appendix-C.4"')
  end)

  it("is plain text where it is none", function()
    assert.are.equal("RFC9113", markup.requirement "RFC9113")
    assert.are.equal("RFC1-&quot;&gt;-1", markup.requirement 'RFC1-">-1')
  end)
end)

describe("the conversation", function()
  it("marks the entry that the verdict is about, of a failure only", function()
    local all = data.verdicts()
    local _, marked = html.write(all):gsub('<span class="focus"', "")
    local expected = 0
    for _, result in ipairs(all.results) do
      local judged = result.verdict ~= "pass" and result.verdict ~= "skip"
      expected = expected + (judged and focus_of(result.transcript or {}) and 1 or 0)
    end
    assert.is_true(expected > 2)
    assert.are.equal(expected, marked)
    for _, result in ipairs(all.results) do result.verdict = "pass" end
    assert.is_nil(html.write(data.table(all.results)):find('<span class="focus"', 1, true))
  end)

  it("tells which side the tester was", function()
    local all = data.table { data.verdicts().results[1] }
    has(html.write(all), 'data-role="client"')
    all.results[1].transcript[1].sent = false
    has(html.write(all), 'data-role="server"')
  end)
end)

describe("the comparison", function()
  local page = html.compare(html_data.columns())

  it("golden", function()
    golden("comparison.html", page)
  end)

  it("has disagreements first, then what was not judged everywhere, then the rest", function()
    local places = {}
    for _, name in ipairs { "group-differ", "case-2", "case-6", "group-partly", "case-4", "group-alike", "case-3", "group-passed", "case-1" } do
      places[#places + 1] = page:find((name:find "group" and 'id="%s"' or "suite/%s</span>"):format(name), 1, true)
    end
    assert.are.equal(9, #places)
    for i = 2, #places do assert.is_true(places[i - 1] < places[i], i) end
  end)

  it("has a cell for each column, that leads to the case, and says what is absent", function()
    local report = checked(page)
    local ids = {}
    for _, id in ipairs(report.ids) do ids[id] = true end
    for _, target in ipairs(report.targets) do assert.is_true(ids[target], target) end
    local _, absent = page:gsub('<td class="absent">', "")
    local _, cells = page:gsub('class="cell"', "")
    assert.are.equal(7 * 3, absent + cells)
    assert.are.equal(6 + 5 + 6, cells)
  end)

  it("puts what only a later column has behind what it stands behind there", function()
    local list = html_data.columns()
    table.insert(list[2].results.results, 2, { id = "suite/between", suite = "suite", mode = "alpn", verdict = "pass" })
    local text = html.compare(list)
    assert.is_true(text:find("suite/between</span>", 1, true) < text:find("suite/case-4</span>", 1, true))
  end)

  it("takes one column, and none", function()
    checked(html.compare { html_data.columns()[1] })
    checked(html.compare {})
  end)
end)
