# Find MIT Kerberos' libkrb5 and libgssapi, those that libremctl uses, and define the imported target
# Krb5::Krb5.
#
# pkg-config is asked first; without it, the headers and the library are looked for by name,
# below CMAKE_PREFIX_PATH and the system's folders. Krb5_ROOT (or
# -DCMAKE_PREFIX_PATH=<prefix>) points at another prefix.

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_search_module(PC_KRB5 QUIET mit-krb5 krb5)
endif()

# Heimdal has a krb5.h too; MIT's is a door to this one.
find_path(Krb5_INCLUDE_DIR krb5/krb5.h HINTS ${PC_KRB5_INCLUDE_DIRS})
find_library(Krb5_LIBRARY krb5 HINTS ${PC_KRB5_LIBRARY_DIRS})
find_library(Krb5_gssapi_LIBRARY gssapi_krb5 HINTS ${PC_KRB5_LIBRARY_DIRS})
set(Krb5_VERSION "${PC_KRB5_VERSION}")
mark_as_advanced(Krb5_INCLUDE_DIR Krb5_LIBRARY Krb5_gssapi_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Krb5
  REQUIRED_VARS Krb5_LIBRARY Krb5_gssapi_LIBRARY Krb5_INCLUDE_DIR
  VERSION_VAR Krb5_VERSION
  REASON_FAILURE_MESSAGE
    "
  MIT Kerberos (libkrb5) and its headers were not found. Install them:
    Debian, Ubuntu:         apt install libkrb5-dev
    Fedora, RHEL, clones:   dnf install krb5-devel
  or point CMake at the prefix that holds them:
    pip install --config-settings=cmake.define.CMAKE_PREFIX_PATH=/opt/krb5 .")

if(Krb5_FOUND AND NOT TARGET Krb5::Krb5)
  add_library(Krb5::Krb5 UNKNOWN IMPORTED)
  set_target_properties(
    Krb5::Krb5 PROPERTIES IMPORTED_LOCATION "${Krb5_LIBRARY}"
                          INTERFACE_INCLUDE_DIRECTORIES "${Krb5_INCLUDE_DIR}"
                          INTERFACE_LINK_LIBRARIES "${Krb5_gssapi_LIBRARY}")
endif()
