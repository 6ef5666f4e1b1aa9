// QuickJS switches its check for deep recursion off where `__wasi__` is defined, and recursion
// then traps the whole instance. This header, included before everything else, takes in what
// needs the macro and removes it.
#ifdef __wasm__
#include <wasi/api.h>
#undef __wasi__
#endif
