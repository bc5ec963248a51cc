-- Suspects of a death are run again one by one: methods of the vigil (lua/death.lua).
local case_run = require "h2probe.case_run"

local methods = {}

local LATE <const> = 0.5 -- seconds between the end of a case and a death of it that are thought of
local MOST <const> = 32 -- cases that a late death may be of

-- Runs a case again, alone: what it died of, or nil. `late`: seconds that the death may come late.
function methods:try(entry, late)
  local item, from = entry.item, self.keeper and self.keeper:position()
  local job = self.runner:job(item)
  self.asking = job
  entry.record = case_run.once(job)
  self.asking = nil
  local trouble = not self.runner.interrupted and self:diagnosis(item, late) or nil
  if trouble then
    trouble.from = from
    self:note_death(trouble)
  end
  return trouble
end

function methods:condemn(entry, trouble)
  self:blame(entry, self:text(trouble, "one"), self:log(trouble))
end

-- The one of these that it dies of late, the last first.
function methods:late_one(lived)
  for at = #lived, math.max(1, #lived - MOST + 1), -1 do
    local late = self:try(lived[at], LATE)
    if late then
      return lived[at], late
    end
  end
end

-- It died while this case was asked. It may have been of what one before it in the same life left behind: so once more, in a
-- life of its own. Is the target there?
function methods:tell_apart(entry, trouble, lived)
  local back = self:revived(entry.item)
  if not back or #lived == 0 or not self.keeper then
    self:condemn(entry, trouble)
    return back
  end
  local again = self:try(entry, LATE)
  if again then
    self:condemn(entry, again)
    return self:revived(entry.item)
  end
  local guilty, late = self:late_one(lived)
  if not guilty then
    self:condemn(entry, trouble)
    return true
  end
  self:condemn(guilty, late)
  self.runner:rejudge(entry.item, entry.record)
  return self:revived(entry.item)
end

-- True if one of them does it; and whether the target is there. `first`: no longer than until it is found.
function methods:interrogate(list, first)
  local found, back, lived = false, true, {}
  for _, entry in ipairs(list) do
    if self.runner.interrupted or not back or (first and found) then
      break
    end
    local trouble = not entry.item.unit.blamed and self:try(entry)
    if trouble then
      found, back, lived = true, self:tell_apart(entry, trouble, lived), {}
    elseif not entry.item.unit.blamed and not self.runner.interrupted then
      self.runner:rejudge(entry.item, entry.record)
      lived[#lived + 1] = entry
    end
  end
  if #lived == 0 or found or not self.keeper or not self:diagnosis(lived[1].item, LATE) then
    return found, back
  end
  back = self:revived(lived[1].item)
  local guilty, late
  if back then
    guilty, late = self:late_one(lived)
  end
  if guilty then
    self:condemn(guilty, late)
    back = self:revived(guilty.item)
  end
  return guilty ~= nil, back
end

return methods
