-- Results read back from files, and several made into one.
package.loaded["h2probe.engine"] = package.loaded["h2probe.engine"] or { version = "0" }
local data = dofile "tests/lua/results_data.lua"
local dkjson = require "dkjson"
local json = require "h2probe.reports.json"
local merging = require "h2probe.merging"
local ndjson = require "h2probe.reports.ndjson"
local results = require "h2probe.results"
local stored = require "h2probe.stored"

local FIXTURES <const> = { "passes", "verdicts", "hostile", "empty", "interrupted", "long", "flaky", "expected" }
local FORMATS <const> = { "console", "junit", "json", "tap", "ndjson", "ctrf", "markdown", "github" }

local function written(all)
  local texts = {}
  for _, name in ipairs(FORMATS) do
    texts[name] = require("h2probe.reports." .. name).write(all, { unicode = false })
  end
  return texts
end

describe("stored results", function()
  for _, name in ipairs(FIXTURES) do
    it("give the same reports from JSON and from NDJSON: " .. name, function()
      local first = assert(stored.parse(json.write(data[name]())))
      local again = assert(stored.parse(json.write(first)))
      local lines = assert(stored.parse(ndjson.write(first)))
      assert.are.same(written(first), written(again))
      assert.is_nil(lines.cut)
      if name ~= "hostile" then -- there two cases have the same id
        assert.are.same(written(first), written(lines))
      end
    end)
  end

  it("are those of a run that was cut short where the last line is missing", function()
    local text = ndjson.write(data.verdicts())
    local cut = assert(stored.parse((text:gsub('{"kind":"end".*$', ""))))
    assert.is_false(cut.complete)
    assert.are.equal(10, #cut.results)
    for size = 1, #text - 2, 7 do -- the last newline need not be there
      local all, message = stored.parse(text:sub(1, size))
      assert.is_truthy(all and all.cut and all.complete == false or message and not text:sub(1, size):find "\n", message)
    end
  end)

  it("take the last line of a case", function()
    local all = data.passes()
    local one = all.results[1]
    one.verdict = "fail"
    local text = ndjson.write(all)
    one.verdict = "pass"
    local later = ('{"kind":"result","done":8,"total":9,"result":%s}\n'):format(json.encode(one))
    local back = assert(stored.parse((text:gsub('{"kind":"end"', function(last) return later .. last end))))
    assert.are.equal("pass", back.results[1].verdict)
    assert.are.equal(8, #back.results)
  end)

  local function wrong(change)
    local all = data.verdicts()
    local text = change(all) or json.write(all)
    local back, message, line = stored.parse(text)
    assert.is_nil(back)
    return message, line
  end

  local MISTAKES <const> = {
    { "results[2].verdict is none of pass, warn, fail", function(all) all.results[2].verdict = "good" end },
    { "results[2].id is missing, not a string", function(all) all.results[2].id = nil end },
    { "results[1].mode is not the name of a mode", function(all) all.results[1].mode = "a\nb" end },
    { "results[1].transcript[3].time is a string, not a number", function(all) all.results[1].transcript[3].time = "x" end },
    { "results[1].notes[1] is a boolean, not a string", function(all) all.results[1].notes = { true } end },
    { "started is not a time as", function(all) all.started = "yesterday" end },
    { "results is missing", function(all) all.results = nil end },
    { "newer h2probe (schema 2)", function(all) all.schema = 2 end },
    { "no result file of h2probe", function() return "{}" end },
    { "no JSON object", function() return "[1" .. "]" and "3" end },
    { "it is empty", function() return " \n" end },
    { "no valid JSON value", function() return "not JSON" end },
    { "something behind", function(all) return json.write(all) .. "x" end },
    { "nested too deeply", function() return ("["):rep(300000) end },
    { "shard.total is a number, not an integer", function(all) all.shard = { index = 1, total = 2.5 } end },
    { "results is an object or has holes, not a list", function(all)
      return (json.write(all):gsub('"results":%[{', '"results":[null,{'))
    end },
    { "a second run begins here", function(all) return ndjson.write(all):gsub('({"kind":"run"[^\n]*\n)', "%1%1") end },
    { "something follows", function(all) return ndjson.write(all) .. '{"kind":"end"}\n' end },
    { "kind is none of", function(all) return (ndjson.write(all):gsub('"kind":"end"', '"kind":"ende"')) end },
  }
  for _, row in ipairs(MISTAKES) do
    it("are refused: " .. row[1], function()
      assert.is_truthy((wrong(row[2])):find(row[1], 1, true), (wrong(row[2])))
    end)
  end

  it("are refused with the line", function()
    local message, line = wrong(function(all) return (ndjson.write(all):gsub('"verdict":"warn"', '"verdict":"w"')) end)
    assert.are.equal(5, line)
    assert.is_truthy(message:find("result.verdict is none of", 1, true))
  end)

  -- A value of another kind in a place by chance.
  local STRANGE <const> = { 7, -1.5, true, "\27[2J\0", "", "{}" }
  local function spoil(value)
    local tables = {}
    local function walk(t)
      tables[#tables + 1] = t
      for _, member in pairs(t) do
        if type(member) == "table" then walk(member) end
      end
    end
    walk(value)
    local victim, keys = tables[math.random(#tables)], {}
    for key in pairs(victim) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    local key = keys[math.random(math.max(1, #keys))]
    if key ~= nil then
      local choice = math.random(#STRANGE + 2)
      if choice == #STRANGE + 1 then victim[key] = {} elseif choice == #STRANGE + 2 then victim[key] = nil
      else victim[key] = STRANGE[choice] end
    end
  end

  it("never spoil a report, however odd the file", function()
    math.randomseed(20261130, 9113)
    local refused, taken = 0, 0
    for round = 1, 1500 do
      local all = ({ data.verdicts, data.expected, data.flaky })[round % 3 + 1]()
      all.shard = round % 2 == 0 and { index = 1, total = 2 } or nil
      spoil(all)
      local back = stored.parse(dkjson.encode(all))
      if back then
        taken = taken + 1
        written((merging.merge({ back }, {}, false)))
      else
        refused = refused + 1
      end
    end
    assert.is_true(taken > 200 and refused > 200, taken .. " " .. refused)
  end)
end)

-- Merging --------------------------------------------------------------------------------------------------

-- The fixture's results, only those that `wanted` takes.
local function part(wanted, more)
  local all = data.passes()
  local list = {}
  for i, result in ipairs(all.results) do
    list[#list + 1] = wanted(i, result) and result or nil
  end
  return data.table(list, more)
end

local function ids(all)
  local list = {}
  for i, result in ipairs(all.results) do
    list[i] = ("%s %s %s"):format(result.id, result.mode, result.verdict)
  end
  return list
end

-- As in a catalogue: settings before hpack.
local RANK <const> = { ["http2/settings/case-1"] = 1, ["http2/settings/case-2"] = 2, ["http2/settings/case-3"] = 3,
  ["hpack/static-table"] = 4 }

local function shard_of(index, total)
  return part(function(i) return i % total == index % total end, { shard = { index = index, total = total } })
end

describe("merging", function()
  it("has the shards in the order of the catalogue", function()
    local all, lines = merging.merge({ shard_of(2, 3), shard_of(3, 3), shard_of(1, 3) }, RANK)
    assert.are.same({}, lines)
    assert.are.same({ "http2/settings/case-1 alpn pass", "http2/settings/case-1 prior pass", "http2/settings/case-2 alpn pass",
      "http2/settings/case-2 prior pass", "http2/settings/case-3 alpn pass", "http2/settings/case-3 prior pass",
      "hpack/static-table alpn pass", "hpack/static-table prior pass" }, ids(all))
    assert.is_true(all.complete)
    assert.is_nil(all.shard)
    assert.is_nil(all.flakes)
    assert.are.equal(0, results.exit_status(all))
    assert.is_true(math.abs(all.seconds - 3 * 0.4125) < 1e-9)
  end)

  it("is red without a shard, and says which", function()
    local all, lines = merging.merge({ shard_of(1, 4), shard_of(3, 4) }, RANK)
    assert.are.same({ "shard 2 of 4 is missing: its cases were not judged",
      "shard 4 of 4 is missing: its cases were not judged" }, lines)
    assert.are.equal(1, results.exit_status(all))
    assert.are.equal(2, all.summary.error)
    assert.is_false(all.complete)
    assert.are.equal(0, results.exit_status((merging.merge({ shard_of(1, 4), shard_of(3, 4) }, RANK, true))))
    assert.are.equal(1, results.exit_status((merging.merge({ shard_of(1, 2) }, RANK))))
    assert.is_truthy(select(2, merging.merge({ shard_of(1, 2), shard_of(2, 3) }, RANK))[1]:find("different runs", 1, true))
  end)

  it("keeps the worst of repetitions, and what differs is a flake", function()
    local first, second = data.passes(), data.passes()
    second.results[2].verdict, second.results[2].observed = "fail", "seen"
    second.summary = results.summary(second.results)
    for _, list in ipairs { { first, second }, { second, first } } do
      local all = merging.merge(list, RANK)
      assert.are.equal(8, #all.results)
      assert.are.equal(1, all.summary.fail)
      assert.are.same({ { id = "http2/settings/case-2", mode = "alpn", verdicts = { pass = 1, fail = 1 } } }, all.flakes)
      assert.are.equal(1, results.exit_status(all))
    end
    local thrice = merging.merge({ first, data.flaky() }, RANK)
    assert.are.same({ pass = 5, skip = 1 }, thrice.flakes[1].verdicts)
  end)

  it("takes what was run where something else was interrupted before it", function()
    local cut, whole = data.interrupted(), data.interrupted()
    whole.interrupted, whole.complete = nil, true
    for _, result in ipairs(whole.results) do
      result.verdict, result.observed = "pass", nil
    end
    for _, list in ipairs { { cut, whole }, { whole, cut } } do
      local all = merging.merge(list, {})
      assert.are.equal(0, results.exit_status(all))
      assert.is_true(all.complete)
      assert.is_nil(all.flakes)
    end
    assert.are.equal(1, results.exit_status((merging.merge({ cut, cut }, {}))))
  end)

  it("has each finding of the watchman once, whatever its mode", function()
    local first, second = data.verdicts(), data.verdicts()
    second.results[#second.results].mode = "prior"
    local all = merging.merge({ first, second }, {})
    assert.are.equal(#first.results, #all.results)
    assert.are.equal("watch/RFC9113-8.2.1-4", all.results[#all.results].id)
  end)

  it("is red when a file was cut short", function()
    local all = data.passes()
    all.cut, all.file, all.complete = "after 8 of 12 cases", "a.ndjson", false
    local one, lines = merging.merge({ all }, RANK)
    assert.are.same({ "a.ndjson ends early, after 8 of 12 cases: the run was cut short" }, lines)
    assert.are.equal(1, results.exit_status(one))
    for _, text in pairs(written(one)) do
      assert.is_truthy(text:find("ends early", 1, true))
    end
  end)

  it("tells different servers apart, and puts them side by side", function()
    local nginx, h2o, other = data.passes(), data.verdicts(), data.passes()
    nginx.label, h2o.label, other.target = "nginx", "h2o", "https://other:8443/"
    local groups = merging.groups { nginx, h2o, other, data.passes() }
    assert.are.equal(4, #groups)
    local list = {}
    for i, group in ipairs(groups) do list[i] = merging.merge(group, RANK) end
    merging.label(list)
    local all = merging.beside(list)
    assert.are.equal(8 + 10 + 8 + 8, #all.results)
    assert.are.equal("nginx/http2/settings/case-1", all.results[1].id)
    assert.are.equal("other:8443/http2/settings", all.results[19].suite)
    assert.are.equal("https://localhost:8443/, https://other:8443/", all.target)
    assert.are.equal(1, results.exit_status(all))
    written(all)
  end)

  it("is red when one of several servers proved nothing", function()
    local nothing = data.empty()
    nothing.label = "mute"
    local list = { data.passes(), nothing }
    merging.label(list)
    local all = merging.beside(list)
    assert.are.equal(1, results.exit_status(all))
    assert.is_truthy(all.results[#all.results].observed:find("mute: nothing was proved", 1, true))
  end)

  it("unites expectations that do not hold", function()
    local all = merging.merge({ data.expected(), data.expected() }, {})
    assert.are.equal(1, #all.expectations.problems)
    assert.are.equal("ticket 12", all.results[1].expected_failure.reason)
  end)
end)
