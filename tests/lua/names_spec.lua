-- One language in four places: the environment, the annotations, luacheck's list, the engine's tables.
local Conn = require "h2probe.conn"
local engine = require "h2probe.engine"
local environment = require "h2probe.environment"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local META = read "lua/meta/h2probe.lua"

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- What .luacheckrc declares: its own globals are this table.
local function luacheck_lists()
  local config = setmetatable({ stds = {}, files = setmetatable({}, { __index = function() return {} end }) }, { __index = _G })
  assert(loadfile(".luacheckrc", "t", config))()
  local function names(std)
    local set = {}
    for _, list in ipairs { std.globals or {}, std.read_globals or {} } do
      for key, value in pairs(list) do
        set[type(value) == "string" and value or key] = true
      end
    end
    for key in pairs(set) do
      if math.type(key) == "integer" then set[key] = nil end
    end
    return sorted(set)
  end
  return names(config.stds.script), names(config.stds.sandbox)
end

-- The quoted names of an ---@alias and the ---| lines that follow it.
local function alias(name)
  local set = {}
  local block = META:match("%-%-%-@alias " .. name:gsub("%.", "%%.") .. "\n((%-%-%-|[^\n]*\n)+)")
    or META:match("%-%-%-@alias " .. name:gsub("%.", "%%.") .. "\n(.-)\n\n")
  for word in block:gmatch '"([^"]+)"' do set[word] = true end
  return set
end

describe("the names of the language", function()
  it("are those of luacheck's list", function()
    local script, sandbox = luacheck_lists()
    assert.same(environment.names "language", script)
    assert.same(environment.names "lua", sandbox)
  end)

  it("are all annotated, and nothing else is", function()
    local annotated = {}
    for name in META:gmatch "\nfunction ([%w_]+)%(" do annotated[name] = true end
    for name in META:gmatch "\n([%w_]+) = nil" do annotated[name] = true end
    assert.same(environment.names "language", sorted(annotated))
  end)

  it("include every method of conn", function()
    local annotated, methods = {}, {}
    for name in META:gmatch "\nfunction Connection:([%w_]+)%(" do annotated[name] = true end
    for name in pairs(Conn) do
      if not name:find "^_" and name ~= "new" then methods[name] = true end
    end
    assert.same(sorted(methods), sorted(annotated))
  end)

  it("have the engine's error codes, settings and frame types", function()
    assert.same(sorted(engine.errors), sorted(alias "h2.ErrorCode"))
    assert.same(sorted(engine.settings), sorted(alias "h2.SettingName"))
    local types = alias "h2.FrameName"
    types.UNKNOWN = nil
    assert.same(sorted(engine.frame_types), sorted(types))
    for name in pairs(engine.frame_types) do
      assert.truthy(META:find("\nfunction " .. name .. "(", 1, true), name)
    end
  end)

  it("of a probe's declarations are assignable", function()
    local known = {}
    for _, name in ipairs(environment.declared()) do known[name] = true end
    local schema = require "h2probe.schema"
    assert.same(sorted(schema.probe), sorted(known))
  end)

  it("stand in the guide", function()
    local guide = read "docs/scripting.md"
    for _, name in ipairs(environment.names()) do
      assert.truthy(guide:find("%f[%w_]" .. name .. "%f[^%w_]"), name)
    end
  end)
end)
