-- What the words of a command line select.
local selection = require "h2probe.selection"

local function case(id, req, h2spec)
  return { id = id, suite = id:match("^(.+)/[^/]+$"), req = { req }, h2spec = { h2spec } }
end

local CASES = {
  case("http2/settings/length", "RFC9113-6.5-10", "http2/6.5/3"),
  case("http2/settings/length-of-ack", "RFC9113-6.5-2", "http2/6.5/1"),
  case("http2/ping/length", "RFC9113-6.7-4", "http2/6.7/4"),
  case("hpack/decoding/index-zero", "RFC7541-6.1-1", "hpack/6.1/1"),
  case("http2/settings-more/x", "RFC9113-6.5.2-1", "http2/6.5.2/1"),
}
local ROWS = { { id = "RFC9113-6.5-10" }, { id = "RFC9113-9.9-1", statement = "something else" } }
for _, row in ipairs(ROWS) do
  ROWS[row.id] = row
end

local SELECTS = {
  { { "http2/settings" }, { 1, 2 } }, { { "http2/settings/" }, { 1, 2 } }, { { "http2" }, { 1, 2, 3, 5 } },
  { { "http2/settings/length" }, { 1 } }, { { "http2/*/length" }, { 1, 3 } }, { { "http2/settings*" }, { 1, 2, 5 } },
  { { "**/index-*" }, { 4 } }, { { "*/ping" }, { 3 } }, { { "RFC9113-6.5-10" }, { 1 } }, { { "RFC9113-6.5" }, { 1, 2, 5 } },
  { { "h2spec:http2/6.5/3" }, { 1 } }, { { "h2spec:http2/6.5" }, { 1, 2 } }, { { "h2spec:hpack" }, { 4 } },
  { { "hpack", "http2/ping" }, { 3, 4 } }, { {}, { 1, 2, 3, 4, 5 } },
}

local UNKNOWN = {
  { "http2/setings", "did you mean 'http2/settings'" }, { "hpak", "did you mean 'hpack'" },
  { "RFC9113-6.5-11", "did you mean 'RFC9113-6.5-10'" }, { "h2spec:http2/6.5/9", "did you mean 'h2spec:http2/6.5/" },
  { "completely-different-thing", "h2probe list" }, { "127.0.0.1:8443", "https://" },
  { "RFC9113-9.9-1", "no case judges" }, { "http2/sett", "did you mean" },
}

describe("selection.matcher", function()
  it("knows cases by the file that they are in", function()
    local matches = selection.matcher "suites/http2/ping.lua"
    assert.is_true(matches { id = "http2/ping/length", file = "suites/http2/ping.lua" })
    assert.is_false(matches { id = "http2/ping/length", file = "suites/http2/ping2.lua" })
    assert.is_false(matches { id = "watch/RFC9113-6.7-4" })
  end)
end)

describe("selection", function()
  for _, row in ipairs(SELECTS) do
    it("of " .. table.concat(row[1], " "), function()
      local chosen = assert(selection.choose(CASES, row[1], ROWS))
      local numbers = {}
      for _, found in ipairs(chosen) do
        for number, known in ipairs(CASES) do
          numbers[#numbers + 1] = found == known and number or nil
        end
      end
      assert.are.same(row[2], numbers)
    end)
  end

  for _, row in ipairs(UNKNOWN) do
    it("says what is wrong with " .. row[1], function()
      local chosen, message = selection.choose(CASES, { row[1] }, ROWS)
      assert.is_nil(chosen)
      assert.is_truthy(message:find(row[2], 1, true), message)
    end)
  end

  it("is quick and quiet about hostile words", function()
    local chosen, message = selection.choose(CASES, { ("a"):rep(100000) }, ROWS)
    assert.is_nil(chosen)
    assert.is_true(#message < 400)
    for _, word in ipairs { "%", "[", "(", "h2spec:", "RFC", "*[*", "?%", "a\0b" } do
      selection.choose(CASES, { word }, ROWS)
    end
  end)
end)
