-- The sentinel: one known-good exchange on a fresh connection tells that the target is alive.
local case_run = require "h2probe.case_run"
local verdict = require "h2probe.verdict"

local sentinel = {}

--- Runs steps of our own on a fresh connection as if they were a case: `steps(conn, run)`.
-- Returns the record of case_run.once.
function sentinel.exchange(options, steps)
  local case = {
    id = options.name or "sentinel", title = "a known-good exchange", req = {}, modes = { options.mode },
    role = options.role, start = options.start or "open", needs = {}, settings = options.settings, file = "sentinel",
    run = steps,
  }
  return case_run.once { case = case, mode = options.mode, target = options.target, timeout = options.timeout,
    patient = options.patient }
end

local function unanswered(answer, code, message)
  if answer and answer.reset then
    return ("an ordinary request is answered with RST_STREAM(%s)"):format(answer.reset)
  end
  return ("an ordinary request is not answered: %s"):format(message or code or "the stream ended without a response")
end

--- A GET of the target's path answered by a final response, whatever its status.
function sentinel.get(conn)
  local answer, code, message = conn:get(conn.target.path)
  if not answer or not answer.status then
    verdict.raise { verdict = "fail", observed = unanswered(answer, code, message) }
  end
  return answer
end

--- True, or false and what came instead.
function sentinel.alive(options)
  local record = sentinel.exchange(options, sentinel.get)
  if record.verdict == "pass" then
    return true
  end
  return false, record.observed or record.verdict, record
end

return sentinel
