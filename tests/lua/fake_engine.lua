-- A stand-in for the engine where a test needs tasks and queues only: no loop, no sockets, no time.
local fake = { version = "0.0.0", openssl_version = "no TLS" }

local ready, sleeping, current = {}, {}, nil
local clock = 0
local FOREVER <const> = 1000 -- seconds; who waits so long is not woken by time

local Task = {}
Task.__index = Task

local function finish(task, ok, ...)
  task.over, task.ok, task.results = true, ok, table.pack(...)
  for _, waiting in ipairs(task.joiners) do
    ready[#ready + 1] = waiting
  end
  if task.on_done then
    task.on_done(task, ok, ...)
  end
end

local function resume(task)
  if task.over then
    return
  end
  local before = current
  current = task
  local results = table.pack(coroutine.resume(task.thread))
  current = before
  if not results[1] then
    finish(task, false, results[2], debug.traceback(task.thread))
  elseif coroutine.status(task.thread) == "dead" then
    finish(task, true, table.unpack(results, 2, results.n))
  end
end

function Task:join()
  while not self.over do
    self.joiners[#self.joiners + 1] = current
    coroutine.yield()
  end
  return self.ok, table.unpack(self.results, 1, self.results.n)
end

function Task:cancel()
  if not self.over then
    self.canceled = true
    finish(self, false, "canceled", "")
  end
end

function Task:limit()
  return self.canceled and "canceled" or self.passed
end

function fake.spawn(fn, options)
  local task = setmetatable({ thread = coroutine.create(fn), joiners = {}, on_done = (options or {}).on_done }, Task)
  ready[#ready + 1] = task
  return task
end

function fake.current()
  return current
end

-- Parks the current task; time wakes it, when no other can go on, if nothing else does.
local function sleep(seconds)
  local task = current
  if seconds and seconds < FOREVER then
    sleeping[#sleeping + 1] = { task = task, ends = clock + seconds }
  end
  coroutine.yield()
  for position, sleeper in ipairs(sleeping) do
    if sleeper.task == task then
      table.remove(sleeping, position)
      return
    end
  end
end

local Queue = {}
Queue.__index = Queue

function Queue:put(value)
  self[#self + 1] = value
  local waiting = self.waiting
  self.waiting = nil
  if waiting then
    ready[#ready + 1] = waiting
  end
end

function Queue:take(seconds)
  local ends = clock + (seconds or math.huge)
  while #self == 0 do
    if clock >= ends then
      return nil, "timeout"
    end
    self.waiting = current
    sleep(ends - clock)
  end
  self.waiting = nil
  return table.remove(self, 1)
end

function fake.queue()
  return setmetatable({}, Queue)
end

function fake.wait(seconds)
  local ends = clock + seconds
  while clock < ends do
    sleep(ends - clock)
  end
end

function fake.yield()
  ready[#ready + 1] = current
  coroutine.yield()
end

function fake.now()
  clock = clock + 0.001
  return clock
end

fake.waited = fake.now

-- Time goes on to the next who sleeps.
local function wake_next()
  table.sort(sleeping, function(a, b) return a.ends < b.ends end)
  local sleeper = sleeping[1]
  if sleeper then
    clock = math.max(clock, sleeper.ends)
    ready[#ready + 1] = sleeper.task
  end
  return sleeper ~= nil
end

--- Runs until no task can go on.
function fake.run()
  while #ready > 0 or wake_next() do
    resume(table.remove(ready, 1))
  end
end

--- Runs a function as a task to its end; its results, or its error raised.
function fake.call(fn, ...)
  local arguments = table.pack(...)
  local task = fake.spawn(function() return fn(table.unpack(arguments, 1, arguments.n)) end)
  fake.run()
  assert(task.over, "the task waits for something that never comes")
  if not task.ok then
    error(task.results[1], 0)
  end
  return table.unpack(task.results, 1, task.results.n)
end

local function slurp(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

fake.embedded = slurp
fake.names = {}

function fake.embedded_list(prefix)
  local list = {}
  for _, name in ipairs(fake.names) do
    if name:sub(1, #prefix) == prefix then
      list[#list + 1] = name
    end
  end
  return list
end

--- Makes a fresh set of h2probe modules on this engine; `stubs`: module name to value. Returns require.
function fake.modules(stubs)
  for name in pairs(package.loaded) do
    if name:find("^h2probe%.") then
      package.loaded[name] = nil
    end
  end
  package.loaded["h2probe.engine"] = fake
  for name, value in pairs(stubs or {}) do
    package.loaded["h2probe." .. name] = value
  end
  ready, current = {}, nil
  return function(name) return require("h2probe." .. name) end
end

return fake
