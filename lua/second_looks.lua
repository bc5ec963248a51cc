-- Who gets a second look, and when: accusations that rest on silence, and cases that did not get through to the target.
-- When nothing else is going on but other cases that wait in vain, as many at a time as the pace of the target allows, a few
-- at least; of each case one row at a time, in the order of the suites, since a case that failed by one row needs no
-- second look at the others.
local SecondLooks = {}
SecondLooks.__index = SecondLooks

local FEW <const> = 8

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

--- For a run with so many cases in flight.
function SecondLooks.new(jobs)
  return setmetatable({ waiting = {}, units = {}, flying = 0, few = math.min(FEW, jobs), most = jobs }, SecondLooks)
end

--- So many cases at once are what the target answers quickly.
function SecondLooks:pace(most)
  self.most = math.max(self.few, most)
end

--- An item ({ unit, position, ... }) is to be looked at again.
function SecondLooks:want(item)
  self.waiting[#self.waiting + 1] = item
end

--- The next item, or nil if none may start now. It begins: ended(item) must follow.
function SecondLooks:next()
  if self.flying >= self.most then
    return nil
  end
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
  return self.flying < self.most and not self.units[item.unit] and is_next(item)
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
