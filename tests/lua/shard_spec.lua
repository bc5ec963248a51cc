-- Shards: how they are named, what the environment says, and that the parts are whole, disjoint and alike in weight.
local shard = require "h2probe.shard"

local function env(values)
  return function(name) return values[name] end
end

local BAD = { "0/3", "4/3", "3", "a/3", "1/", "/3", "1/0", "auto/0", "1/1001", "-1/3", "1/99999999999999999999", "" }

local ENVIRONMENTS = { -- what was said, the environment, index, total or nil and the message
  { "auto", {} }, { "auto", { CI_NODE_INDEX = "" } }, { "auto", { CI_NODE_INDEX = "2", CI_NODE_TOTAL = "4" }, 2, 4 },
  { "auto", { JOB_COMPLETION_INDEX = "0", JOB_COMPLETIONS = "3" }, 1, 3 }, { "auto/5", { JOB_COMPLETION_INDEX = "4" }, 5, 5 },
  { "2/3", { CI_NODE_INDEX = "1", CI_NODE_TOTAL = "9" }, 2, 3 },
  { "auto", { CI_NODE_INDEX = "0", CI_NODE_TOTAL = "4" }, nil, "counts from 1 to 4" },
  { "auto", { CI_NODE_INDEX = "5", CI_NODE_TOTAL = "4" }, nil, "counts from 1 to 4" },
  { "auto/3", { JOB_COMPLETION_INDEX = "3" }, nil, "counts from 0 to 2" },
  { "auto", { JOB_COMPLETION_INDEX = "3" }, nil, "--shard auto/N" }, { "auto", { CI_NODE_INDEX = "x" }, nil, "whole number" },
}

describe("shard", function()
  for _, text in ipairs(BAD) do
    it("refuses '" .. text .. "'", function()
      local given, message = shard.parse(text)
      assert.is_nil(given)
      assert.is_truthy(message:find("'" .. text .. "'", 1, true))
    end)
  end

  for i, row in ipairs(ENVIRONMENTS) do
    it(("is %s of the environment %d"):format(row[1], i), function()
      local part, message = shard.resolve(assert(shard.parse(row[1])), env(row[2]))
      if row[3] then
        assert.are.same({ row[3], row[4] }, { part.index, part.total })
      else
        assert.is_nil(part)
        assert.are.equal(row[4] ~= nil, message ~= nil)
        assert.is_truthy(not row[4] or message:find(row[4], 1, true), message)
      end
    end)
  end

  it("splits so that each case is in one part, in order, and the weights are near each other", function()
    local cases, position = {}, {}
    for i = 1, 100 do
      cases[i] = { weight = i % 7 == 0 and 20 or 1 + i % 3 }
      position[cases[i]] = i
    end
    for _, total in ipairs { 1, 2, 3, 7, 100, 150 } do
      local seen, least, most = 0, math.huge, 0
      for index = 1, total do
        local load, last = 0, 0
        for _, case in ipairs(shard.choose(cases, { index = index, total = total }, function(c) return c.weight end)) do
          assert.is_true(position[case] > last)
          load, last, seen = load + case.weight, position[case], seen + 1
        end
        least, most = math.min(least, load), math.max(most, load)
      end
      assert.are.equal(#cases, seen)
      assert.is_true(most - least <= 20, total)
    end
  end)
end)
