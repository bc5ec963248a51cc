-- Suites to cases; every mistake with file and line.
local fake = dofile "tests/lua/fake_engine.lua"

-- The environment of scripts, as far as the loader needs it.
local environment = {}
function environment.suite(hooks)
  return setmetatable({ suite = hooks.suite, case = hooks.case, error = error, setmetatable = setmetatable }, { __index = function(_, name)
    error("'" .. name .. "' does not exist", 2)
  end })
end

local loader = fake.modules { environment = environment } "loader"

local HEAD = 'suite { "settings", title = "SETTINGS", modes = { "prior" }, needs = { "post" } }\n'

local function load(text, name)
  return fake.call(loader.load, { { name = name or "suites/http2/settings.lua", text = text } })
end

local function case(inside)
  return HEAD .. 'case { id = "x", title = "t", req = "RFC9113-6.5-1", run = error,\n' .. inside .. "}\n"
end

local MISTAKES = {
  { "suite {", "settings.lua:1:" },
  { "local x = nope", "settings.lua:1: 'nope' does not exist" },
  { "\n\nerror 'boom'", "settings.lua:3: boom" },
  { "error(setmetatable({}, { __tostring = error }))", "settings.lua: a table was raised" },
  { "return 1", "declares no suite" },
  { HEAD, "declares no case" },
  { "suite {}", "settings.lua:1: suite: the name is missing" },
  { 'suite "x"', "suite takes a table" },
  { HEAD .. HEAD, "settings.lua:2: a second suite" },
  { 'suite { "Bad Name" }', "is not a slug" },
  { 'suite { "x", titel = "y" }', "did you mean 'title'" },
  { 'case { id = "x" }', "there is no suite" },
  { HEAD .. "case {}", "settings.lua:2: case: id is missing" },
  { HEAD .. "case(3)", "settings.lua:2: case takes a table" },
  { case "modez = {}", "case 'x': unknown key 'modez' (did you mean 'modes'?)" },
  { case 'modes = { "h3" }', "modes is 'h3'; it can be alpn, prior, upgrade" },
  { case "modes = {}", "modes is an empty list" },
  { case 'needs = { "magic" }', "needs is 'magic'" },
  { case 'start = "late"', "start is 'late'" },
  { case "each = {}", "each is a list of rows" },
  { case "each = { a = 1 }", "each is a list of rows" },
  { case "auto = { pong = false }", "auto takes settings, ping and window" },
  { case "timeout = 0", "timeout is a number of seconds" },
  { case "timeout = 0/0", "timeout is a number of seconds" },
  { case 'violate = "RFC1-1-1"', "no row of suites/requirements.tsv" },
  { case 'h2spec = 3', "h2spec is not an id of h2spec" },
  { case 'role = "proxy"', "role is 'proxy'" },
  { case "settings = 1", "settings is a table" },
  { case "alone = 1", "alone is a boolean" },
  { case "title = 'two\\nlines'", "title is not one line" },
  { case "req = 'RFC9113-6.5-999'", "did you mean 'RFC9113-6.5-9" },
  { case "id = 'Not A Slug'", "id is not a slug" },
  { case "run = 3", "run is a function" },
  { case "" .. case(""):sub(#HEAD + 1), "settings.lua:4: case 'http2/settings/x' has the id of the one in suites/http2/settings.lua:2" },
  { "\27Lua", "settings.lua" },
}

describe("loader.load", function()
  it("makes cases", function()
    local cases = load(case 'each = { 1, { label = "two" } }, h2spec = "http2/6.5/1", start = "tcp"')
    assert.are.equal(1, #cases)
    local made = cases[1]
    assert.are.same({ "http2/settings/x", "http2/settings", "tcp", "suites/http2/settings.lua:2" },
      { made.id, made.suite, made.start, made.location })
    assert.are.same({ { "prior" }, { "post" }, { "http2/6.5/1" }, { "RFC9113-6.5-1" } },
      { made.modes, made.needs, made.h2spec, made.violate })
    assert.are.equal("client", made.role)
  end)

  for _, row in ipairs(MISTAKES) do
    it("tells of " .. row[2]:gsub("[^%g ]", "?"), function()
      local cases, mistakes = load(row[1])
      assert.is_nil(cases)
      local text = table.concat(mistakes, "\n")
      assert.is_truthy(text:find(row[2], 1, true), text)
      for _, mistake in ipairs(mistakes) do
        assert.is_nil(mistake:find("[%c\127-\255]"), mistake)
      end
    end)
  end

  it("tells all mistakes at once", function()
    local _, mistakes = load(case 'modes = { "h3" }, timeout = "x"' .. "case {}")
    assert.are.equal(6, #mistakes)
  end)

  it("takes the folder from the path", function()
    for path, id in pairs { ["a/suites/hpack/x.lua"] = "hpack/settings/x", ["mine/x.lua"] = "mine/settings/x",
      ["x.lua"] = "local/settings/x", ["./x.lua"] = "local/settings/x", ["My Dir/x.lua"] = "my-dir/settings/x" } do
      assert.are.equal(id, load(case "", path)[1].id)
    end
  end)
end)

describe("loader.probe", function()
  local function probe(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    local made, message = loader.probe(path)
    os.remove(path)
    return made, message
  end

  it("reads a file", function()
    local made = assert(probe 'title = "x"\nconn:send(1)')
    assert.is_true(made.probe)
    assert.is_truthy(made.id:find("^probe/"))
  end)

  it("refuses what is none", function()
    assert.is_truthy(select(2, probe "suite { 'x' }"):find("h2probe run", 1, true))
    assert.is_truthy(select(2, probe "x ="):find(":1:", 1, true))
    assert.is_truthy(select(2, loader.probe "/nonexistent/x.lua"):find("No such file", 1, true))
    assert.is_truthy(select(2, loader.probe "/tmp"):find("/tmp", 1, true))
  end)
end)

describe("schema.row_label", function()
  local schema = require "h2probe.schema"
  it("is printable and short", function()
    assert.are.same({ "5", "name", "row 3", "true", "\\x00\\xff" }, { schema.row_label(5, 1),
      schema.row_label({ label = "name" }, 2), schema.row_label({ 1 }, 3), schema.row_label(true, 4),
      schema.row_label("\0\xff", 5) })
    assert.are.equal(63, #schema.row_label(("x"):rep(1000), 1))
  end)
end)
