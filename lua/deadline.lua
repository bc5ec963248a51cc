-- The end of the time for a whole run: seconds on the wall, not of the clock of waits, which is slow while the program works.
local engine = require "h2probe.engine"

local deadline = {}

local SHARE <const> = 2 -- the clock of waits may be so much slower
local LEAST <const> = 0.005

--- What a report says of cases that did not run.
function deadline.text(seconds)
  return ("the deadline of the whole run came first (--deadline %g)"):format(seconds)
end

--- Calls fn when so many seconds are over, unless the task that it returns is canceled before.
function deadline.start(seconds, fn)
  local ends = engine.now() + seconds
  return engine.spawn(function()
    while engine.now() < ends do
      engine.wait(math.max(LEAST, (ends - engine.now()) / SHARE))
    end
    fn()
  end, { name = "deadline", on_done = function() end })
end

return deadline
