# Which libremctl and libkrb5 the extension is linked with.
#
#   system   the default: the shared libraries that FindRemctl.cmake and FindKrb5.cmake find
#   bundled  -DPYREMCTL_DEPS=<prefix of scripts/dev wheel deps>: libremctl, MIT krb5 and
#            keyutils inside the extension, their symbols hidden
#
# Either way Remctl::Remctl and Krb5::Krb5 are the libraries, and pyremctl_finish(<target>) makes the
# extension export nothing but its init function and know what it was built from
# (the header build_info.hpp, `remctl.build_info()`).

set(PYREMCTL_DEPS "" CACHE PATH "Prefix of scripts/dev wheel deps, to build a self-contained extension")
option(PYREMCTL_SYMBOLS "Leave the symbol table in (scripts/dev wheel sizes)" OFF)

if(PYREMCTL_DEPS)
  set(PYREMCTL_FLAVOUR bundled)
  file(READ "${PYREMCTL_DEPS}/share/pyremctl-deps.json" _facts)
  foreach(_library IN ITEMS remctl krb5 keyutils)
    string(JSON PYREMCTL_${_library}_VERSION GET "${_facts}" libraries ${_library})
  endforeach()

  add_library(Remctl::Remctl INTERFACE IMPORTED)
  target_include_directories(Remctl::Remctl INTERFACE "${PYREMCTL_DEPS}/include")
  # From the user to the used; only libc's own libraries stay shared.
  foreach(_library IN ITEMS remctl gssapi_krb5 krb5 k5crypto com_err krb5support keyutils)
    target_link_libraries(Remctl::Remctl INTERFACE "${PYREMCTL_DEPS}/lib/lib${_library}.a")
  endforeach()
  target_link_libraries(Remctl::Remctl INTERFACE resolv dl pthread)
  # The same copy of libkrb5: a MEMORY cache of ours is one of libremctl's.
  add_library(Krb5::Krb5 INTERFACE IMPORTED)
  target_link_libraries(Krb5::Krb5 INTERFACE Remctl::Remctl)

  # For all that is compiled from here on: what the linker may drop, and no trace of folders.
  add_compile_options(-ffunction-sections -fdata-sections
                      "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=pyremctl")
else()
  set(PYREMCTL_FLAVOUR system)
  find_package(Remctl REQUIRED)
  set(PYREMCTL_remctl_VERSION "${Remctl_VERSION}")
  find_package(Krb5 REQUIRED)
  set(PYREMCTL_krb5_VERSION "${Krb5_VERSION}")
endif()

# The licences of what is inside, and a list of it (PEP 770), into the wheel's dist-info.
function(_pyremctl_install_notices)
  if(NOT DEFINED SKBUILD_METADATA_DIR)
    return()
  endif()
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/licenses/" DESTINATION "${SKBUILD_METADATA_DIR}/licenses")
  set(_sbom "${PROJECT_BINARY_DIR}/pyremctl.cdx.json")
  configure_file("${PYREMCTL_DEPS}/share/pyremctl.cdx.json.in" "${_sbom}" @ONLY)
  install(FILES "${_sbom}" DESTINATION "${SKBUILD_METADATA_DIR}/sboms")
endfunction()

# In a self-contained wheel, code names no folder of the build machine and has nothing unneeded.
function(pyremctl_harden target)
  if(PYREMCTL_FLAVOUR STREQUAL bundled)
    target_compile_options(${target} PRIVATE "-ffile-prefix-map=${PROJECT_BINARY_DIR}=build")
    target_link_options(${target} PRIVATE
                        "LINKER:--gc-sections,--as-needed,-z,relro,-z,now"
                        "$<$<NOT:$<BOOL:${PYREMCTL_SYMBOLS}>>:LINKER:--strip-all>")
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
    endif()
  endif()
endfunction()

function(pyremctl_finish target)
  set(PYREMCTL_COMPILER "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  configure_file("${PROJECT_SOURCE_DIR}/src/build_info.hpp.in"
                 "${PROJECT_BINARY_DIR}/generated/build_info.hpp" @ONLY)
  target_include_directories(${target} PRIVATE "${PROJECT_BINARY_DIR}/generated")

  set(_exports "${PROJECT_SOURCE_DIR}/cmake/exports.map")
  target_link_options(${target} PRIVATE "LINKER:--version-script=${_exports}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${_exports}")

  # Only here, so that the engine's objects are the same (and cached) for every Python.
  pyremctl_harden(${target})
  if(PYREMCTL_FLAVOUR STREQUAL bundled)
    target_compile_options(${target} PRIVATE "-ffile-prefix-map=${pybind11_INCLUDE_DIR}=pybind11")
    _pyremctl_install_notices()
  endif()
endfunction()
