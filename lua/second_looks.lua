-- Who gets a second look, and when: accusations that rest on silence, and cases that did not get through to the target.
-- When all first runs have begun; where the target is slow, only beside cases that wait in vain. Of each case one row at a
-- time, in the order of the suites, since a case that failed by one row needs no second look at the others.
local SecondLooks = {}
SecondLooks.__index = SecondLooks

local function before(a, b)
  if a.unit.number ~= b.unit.number then
    return a.unit.number < b.unit.number
  end
  return a.position < b.position
end

-- Is the verdict about all earlier rows of its case there? Else they come first, however soon this one ended.
local function is_next(item)
  for position = 1, item.position - 1 do
    if not item.unit.records[position] then
      return false
    end
  end
  return true
end

function SecondLooks.new()
  return setmetatable({ waiting = {}, units = {}, flying = 0 }, SecondLooks)
end

--- An item ({ unit, position, ... }) is to be looked at again.
function SecondLooks:want(item)
  self.waiting[#self.waiting + 1] = item
end

--- The next item, or nil if none may start now. It begins: ended(item) must follow.
function SecondLooks:next()
  table.sort(self.waiting, before)
  for position, item in ipairs(self.waiting) do
    if not self.units[item.unit] and is_next(item) then
      table.remove(self.waiting, position)
      self:begin(item)
      return item
    end
  end
end

--- May this item's second look begin beside its first, which waits in vain?
function SecondLooks:may_begin(item)
  return not self.units[item.unit] and is_next(item)
end

function SecondLooks:begin(item)
  self.units[item.unit] = true
  self.flying = self.flying + 1
end

function SecondLooks:ended(item)
  self.units[item.unit] = nil
  self.flying = self.flying - 1
end

return SecondLooks
