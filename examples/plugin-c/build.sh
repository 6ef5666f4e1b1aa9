#!/bin/sh
# ./build.sh makes dist/, a finished package.
#
# It needs clang 19 with a C library for WebAssembly (Debian: clang-19 wasi-libc
# libclang-rt-19-dev-wasm32), and Rust for its linkers.
set -eu
cd "$(dirname "$0")"

# The contracts lie in .labd/. Inside labd's own repository they are copied there from their place;
# anywhere else they are there already.
if [ -d ../../plugin-sdk ] && [ -d ../../wit ]; then
  rm -rf .labd && mkdir .labd
  cp -r ../../wit .labd/wit
fi

# The linker takes the world and the contracts that it names as one file.
mkdir -p build dist
{
  cat wit/world.wit
  for contract in common host ai-provider; do
    printf '\n%s {\n' "$(sed -n 's/^package \(.*\);/package \1/p' .labd/wit/$contract/*.wit)"
    sed '/^package /d' .labd/wit/$contract/*.wit
    echo '}'
  done
} > build/world.wit

"${CC:-clang-19}" --target=wasm32-wasi --sysroot=/usr -isystem /usr/include/wasm32-wasi \
  -std=c11 -Os -Wall -Wextra -Werror -c src/plugin.c -o build/plugin.o

rust=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/host: //p')/bin
"$rust/wasm-component-ld" --wasm-ld-path "$rust/gcc-ld/wasm-ld" \
  --component-type build/world.wit --no-entry --strip-all --gc-sections \
  build/plugin.o /usr/lib/wasm32-wasi/libc.a \
  /usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a \
  -o dist/plugin.wasm
cp plugin.toml dist/plugin.toml
echo "dist/plugin.wasm  $(wc -c < dist/plugin.wasm) bytes"
