# What cannot build the package says so in one sentence, before any template of C++ does.
# For after project(… LANGUAGES NONE); enables C++.

if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(FATAL_ERROR "pyremctl needs Linux for now: epoll, eventfd")
endif()

include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
  message(FATAL_ERROR "pyremctl needs a C++ compiler: apt install g++, or dnf install gcc-c++")
endif()
enable_language(CXX)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(_pyremctl_compiler "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
set(_pyremctl_lacks "pyremctl needs C++20 with coroutines (GCC 11 or newer): not in ${_pyremctl_compiler}")
if(NOT "cxx_std_20" IN_LIST CMAKE_CXX_COMPILE_FEATURES)
  message(FATAL_ERROR "${_pyremctl_lacks}")
endif()
include(CheckCXXSourceCompiles)
check_cxx_source_compiles(
  "#include <coroutine>
   #include <span>
   int main() { std::coroutine_handle<> none; return none ? 1 : 0; }"
  PYREMCTL_HAS_CXX20)
if(NOT PYREMCTL_HAS_CXX20)
  message(FATAL_ERROR "${_pyremctl_lacks}")
endif()
