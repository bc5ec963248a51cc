-- Which entry of a conversation the verdict is about: reports keep it in sight.

local function is_faulty(entry)
  for _, line in ipairs(entry.lines or {}) do
    if line:find "^! " then
      return true
    end
  end
  return false
end

-- PINGs by which silence is proved have octets of the runtime's own.
local function is_barrier(entry)
  return entry.name == "PING" and (entry.lines or {})[1] ~= nil and entry.lines[1]:find '^"h2p%d+"' ~= nil
end

-- What everybody sends: at the start, as answers, to go on.
local function is_routine(entries, i)
  local entry = entries[i]
  local before = entries[i - 1]
  return entry.kind == "note" or entry.kind == "preface" or entry.name == "WINDOW_UPDATE" or entry.text:find " ACK" ~= nil
    or (entry.name == "SETTINGS" and before ~= nil and before.kind == "preface")
end

-- What was sent last before the PINGs and the witness by which silence is proved.
local function stimulus_of(entries)
  local last
  for i, entry in ipairs(entries) do
    if entry.sent and is_barrier(entry) and last then
      return last
    end
    if entry.sent and not is_routine(entries, i) then
      last = i
    end
  end
  return last
end

-- The entry that the verdict is about: the one that says so, else the peer's last with a fault, else ours, else the
-- stimulus.
return function(entries)
  local theirs, ours
  for i, entry in ipairs(entries) do
    if entry.mark then
      return i
    elseif is_faulty(entry) then
      if entry.sent then ours = i else theirs = i end
    end
  end
  return theirs or ours or stimulus_of(entries)
end
