-- What scripts see instead of the interpreter's own globals.
--
-- Stock Lua has no read-only tables. A protected table is an empty proxy: reads find the content through `__index`,
-- writes are refused by `__newindex`, and the functions that go past metamethods are replaced by ones that know proxies.
-- No value that leads to a content table may ever reach a script; so `pairs` hands out the proxy, never the content.
--
-- `host` has what only the server can do; it returns the functions that the server calls.
local host = ...

local error, xpcall, type, tostring, tonumber = error, xpcall, type, tostring, tonumber
local setmetatable, rawget, next, pairs, select = setmetatable, rawget, next, pairs, select
local getmetatable, concat, lower = getmetatable, table.concat, string.lower
local api, place = host.api, host.place
local create, resume = coroutine.create, coroutine.resume
local guard, stand_in, FAILED = host.natives.guard, host.natives.stand_in, host.natives.failed

local READONLY = "Attempt to modify a readonly table"

-- Content of each proxy.
local behind = setmetatable({}, { __mode = "k" })

local function refuse()
  error(READONLY, 2)
end

local function protect(content, shown)
  local proxy = {}
  behind[proxy] = content
  return setmetatable(proxy, { __index = content, __newindex = refuse, __metatable = shown or false })
end

-- What a function behind `guard` returns when it fails; such a function is called from a native one, which adds the place.
local function bad_argument(number, message)
  return FAILED, number, message
end

local function failure(object)
  return FAILED, 0, object
end

local function expected(what, count, number, value)
  return what .. " expected, got " .. (count < number and "no value" or type(value))
end

-- The message of an error object is what scripts get of it.
local function caught(ok, ...)
  if not ok then
    local object = ...
    if type(object) == "table" then
      local message = rawget(object, "err")
      if message ~= nil then
        return false, message
      end
    elseif type(object) == "userdata" then
      return false, host.message(object) or object
    end
  end
  return ok, ...
end

local safe = {}
for name, original in pairs({ rawget = rawget, rawset = rawset, setmetatable = setmetatable, next = next, unpack = unpack, collectgarbage = collectgarbage }) do
  safe[name] = stand_in(name, original, behind)
end
safe.pairs = stand_in("pairs", next, behind, safe.next)
safe.pcall = host.natives.pcall(host.message)
safe.xpcall = host.natives.xpcall(host.message)

-- Source text only, and whole before the compiler sees it: nothing of a script runs while it works.
local function loaders(env)
  local function loadstring(...)
    local text, name = ...
    if type(text) == "number" then
      text = tostring(text)
    elseif type(text) ~= "string" then
      return bad_argument(1, expected("string", select("#", ...), 1, text))
    end
    if name ~= nil and type(name) ~= "string" and type(name) ~= "number" then
      return bad_argument(2, "string expected, got " .. type(name))
    end
    return host.compile(text, name == nil and text or tostring(name), env)
  end
  local function load(...)
    local reader, name = ...
    if type(reader) ~= "function" then
      return bad_argument(1, expected("function", select("#", ...), 1, reader))
    end
    if name ~= nil and type(name) ~= "string" and type(name) ~= "number" then
      return bad_argument(2, "string expected, got " .. type(name))
    end
    local pieces, count = {}, 0
    while true do
      local piece = reader()
      if piece == nil or piece == "" then
        break
      elseif type(piece) ~= "string" then
        return nil, "reader function must return a string"
      end
      count = count + 1
      pieces[count] = piece
    end
    return host.compile(concat(pieces), name == nil and "=(load)" or tostring(name), env)
  end
  return guard(loadstring), guard(load)
end

local table_library = {}
for name, value in pairs(table) do
  table_library[name] = value
end

for _, name in ipairs({ "insert", "remove", "sort", "concat" }) do
  table_library[name] = stand_in(name, table[name], behind)
end

local math_library = {}
for name, value in pairs(math) do
  math_library[name] = value
end
math_library.random = guard(function(...)
  local low, high = ...
  local count = select("#", ...)
  if count > 2 then
    return failure("wrong number of arguments")
  end
  for i = 1, count do
    local given = select(i, ...)
    if tonumber(given) == nil then
      return bad_argument(i, "number expected, got " .. type(given))
    end
  end
  local share = host.random()
  if count == 0 then
    return share
  elseif count == 1 then
    if not (tonumber(low) >= 1) then
      return bad_argument(1, "interval is empty")
    end
    return math.floor(share * low) + 1
  end
  if not (tonumber(low) <= tonumber(high)) then
    return bad_argument(2, "interval is empty")
  end
  return math.floor(share * (high - low + 1)) + low
end)
math_library.randomseed = guard(function(...)
  local seed = ...
  if tonumber(seed) == nil then
    return bad_argument(1, expected("number", select("#", ...), 1, seed))
  end
  host.randomseed(tonumber(seed))
end)

-- As native functions of the server fail: the message is complete, the place is added where it surfaces.
local function raise(message)
  error({ err = "ERR " .. message })
end

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do
    all[name] = value
  end
  for name, value in pairs(more) do
    all[name] = value
  end
  return all
end

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

-- Read-only globals with this content. `filled` is changed by the server between scripts.
local function environment(content)
  local shown = protect({ __index = missing, __newindex = refuse })
  setmetatable(content, { __index = missing })
  local env = protect(content, shown)
  content._G = env
  return env
end

-- Each coroutine that resumes another takes its part of the thread's stack.
local depth = 0

local function resumed(...)
  depth = depth - 1
  return ...
end

local function resume_bounded(...)
  if depth >= 150 then
    return false, "C stack overflow"
  end
  depth = depth + 1
  return resumed(resume(...))
end

local function unwrapped(ok, ...)
  if not ok then
    return failure((...))
  end
  return ...
end

local coroutine_library = with(coroutine, {
  resume = guard(function(...)
    local thread = ...
    if type(thread) ~= "thread" then
      return bad_argument(1, "coroutine expected")
    end
    return caught(resume_bounded(...))
  end),
  wrap = guard(function(...)
    local body = ...
    if type(body) ~= "function" then
      return bad_argument(1, "Lua function expected")
    end
    local thread = create(body)
    return guard(function(...)
      return unwrapped(resume_bounded(thread, ...))
    end)
  end),
})

for _, name in ipairs({ "find", "match", "gmatch", "gfind", "gsub", "rep", "upper", "lower", "reverse", "sub", "format" }) do
  string[name] = stand_in(name, string[name], behind)
end

local string_shown = {}
local libraries = {
  string = protect(string),
  table = protect(table_library),
  math = protect(math_library),
  coroutine = protect(coroutine_library),
  os = protect({ clock = os.clock }),
  cjson = protect(host.cjson),
  cmsgpack = protect(host.cmsgpack),
  struct = protect(host.struct),
  bit = protect(host.bit),
  _VERSION = _VERSION,
  assert = assert,
  error = error,
  gcinfo = gcinfo,
  getmetatable = getmetatable,
  ipairs = ipairs,
  rawequal = rawequal,
  select = select,
  tonumber = tonumber,
  tostring = tostring,
  type = type,
}

string_shown.__index = libraries.string
getmetatable("").__metatable = protect(string_shown)

local function globals(api)
  local content = with(with(libraries, safe), { redis = api, server = api })
  local env = environment(content)
  content.loadstring, content.load = loaders(env)
  return env, content
end

local eval_api = protect(with(api, host.eval_api))
local eval_env, eval_globals = globals(eval_api)
local function_api = protect(api)
local function_env = globals(function_api)

-- While a library is loaded there is little more than a way to register functions. Its functions keep this
-- environment, so it changes behind the proxy when the loading is over.
local load_api = {
  log = api.log,
  LOG_DEBUG = 0,
  LOG_VERBOSE = 1,
  LOG_NOTICE = 2,
  LOG_WARNING = 3,
  REDIS_VERSION = api.REDIS_VERSION,
  REDIS_VERSION_NUM = api.REDIS_VERSION_NUM,
  SERVER_NAME = api.SERVER_NAME,
}

local register_now

-- A number is as good as its text.
local function text_of(value)
  local kind = type(value)
  if kind == "string" or kind == "number" then
    return tostring(value)
  end
end

function load_api.register_function(...)
  local count = select("#", ...)
  local name, callback, flags, description
  if count < 1 or count > 2 then
    raise("wrong number of arguments to redis.register_function")
  elseif count == 1 then
    local named = ...
    if type(named) ~= "table" then
      raise("calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).")
    end
    for key, value in next, named do
      local word = text_of(key)
      if word == nil then
        raise("named argument key given to redis.register_function is not a string")
      end
      word = lower(word)
      if word == "function_name" then
        name = text_of(value)
        if name == nil then
          raise("function_name argument given to redis.register_function must be a string")
        end
      elseif word == "description" then
        description = text_of(value)
        if description == nil then
          raise("description argument given to redis.register_function must be a string")
        end
      elseif word == "callback" then
        if type(value) ~= "function" then
          raise("callback argument given to redis.register_function must be a function")
        end
        callback = value
      elseif word == "flags" then
        if type(value) ~= "table" then
          raise("flags argument to redis.register_function must be a table representing function flags")
        end
        flags = value
      else
        raise("unknown argument given to redis.register_function")
      end
    end
    if name == nil then
      raise("redis.register_function must get a function name argument")
    elseif callback == nil then
      raise("redis.register_function must get a callback argument")
    end
  else
    name, callback = ...
    name = text_of(name)
    if name == nil then
      raise("first argument to redis.register_function must be a string")
    elseif type(callback) ~= "function" then
      raise("second argument to redis.register_function must be a function")
    end
  end
  local words = {}
  if flags then
    local i = 1
    while flags[i] ~= nil do
      if type(flags[i]) ~= "string" then
        raise("unknown flag given")
      end
      words[i] = flags[i]
      i = i + 1
    end
  end
  if register_now == nil then
    raise("redis.register_function can only be called on FUNCTION LOAD command")
  end
  local problem = register_now(name, callback, words, description)
  if problem then
    raise(problem)
  end
end

local exports = {}

exports.eval_env = eval_env
exports.eval_globals = eval_globals
exports.place = place

-- After a script that failed: it may have left coroutines where they were.
function exports.reset()
  depth = 0
end

-- Environment of a library: small while it is being loaded, that of functions afterwards.
function exports.library_env()
  local loading = protect(setmetatable(with(load_api, {}), { __index = missing }))
  local content = setmetatable({ redis = loading, server = loading }, { __index = missing })
  local meta = { __index = content, __newindex = refuse, __metatable = false }
  local env = setmetatable({}, meta)
  behind[env] = content
  local finish = function()
    local functions = behind[function_env]
    meta.__index = functions
    behind[env] = functions
  end
  return env, finish
end

function exports.load(body, register)
  register_now = register
  local ok, problem = xpcall(body, place)
  register_now = nil
  return ok, problem
end

return exports
