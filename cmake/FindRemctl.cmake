# Find libremctl and define the imported target Remctl::Remctl.
#
# pkg-config is asked first; without it, the header and the library are looked
# for by name, below CMAKE_PREFIX_PATH and the system's folders. Remctl_ROOT
# (or -DCMAKE_PREFIX_PATH=<prefix>) points at another prefix.

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_REMCTL QUIET libremctl)
endif()

find_path(Remctl_INCLUDE_DIR remctl.h HINTS ${PC_REMCTL_INCLUDE_DIRS})
find_library(Remctl_LIBRARY remctl HINTS ${PC_REMCTL_LIBRARY_DIRS})
set(Remctl_VERSION "${PC_REMCTL_VERSION}")
mark_as_advanced(Remctl_INCLUDE_DIR Remctl_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Remctl
  REQUIRED_VARS Remctl_LIBRARY Remctl_INCLUDE_DIR
  VERSION_VAR Remctl_VERSION
  REASON_FAILURE_MESSAGE
    "
  The remctl client library (libremctl) and its header were not found. Install them:
    Debian, Ubuntu:         apt install libremctl-dev pkg-config
    Fedora:                 dnf install remctl-devel pkgconf
    RHEL and clones (EPEL): dnf install epel-release && dnf install remctl-devel pkgconf
  or point CMake at the prefix that holds them:
    pip install --config-settings=cmake.define.CMAKE_PREFIX_PATH=/opt/remctl .")

if(Remctl_FOUND AND NOT TARGET Remctl::Remctl)
  add_library(Remctl::Remctl UNKNOWN IMPORTED)
  set_target_properties(
    Remctl::Remctl PROPERTIES IMPORTED_LOCATION "${Remctl_LIBRARY}"
                              INTERFACE_INCLUDE_DIRECTORIES "${Remctl_INCLUDE_DIR}")
endif()
