-- h2probe completion: the completions of a shell, as a script.
local completion = require "h2probe.completion"
local words = require "h2probe.words"

return function(options)
  return words.show(completion.script(options.shell))
end
