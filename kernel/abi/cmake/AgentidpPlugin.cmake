# agentidp_add_plugin(<kind>-<name> SOURCES a.cpp ... [LIBS target ...])
#
# A shared object as the kernel wants it: everything hidden but agentidp_plugin_v1, no undefined symbol, no lazy binding, no
# process-wide unique symbols, no run path. It is written to AGENTIDP_PLUGIN_OUTPUT_DIRECTORY (default: the current build
# folder) and installed to AGENTIDP_PLUGIN_INSTALL_DIRECTORY (default: lib/agentidp/plugins).
function(agentidp_add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT name MATCHES "^(storage|keys|ratelimit|job|secrets)-[a-z][a-z0-9]*(-[a-z0-9]+)*$")
    message(FATAL_ERROR "agentidp_add_plugin(${name}): a plugin is called <kind>-<name>; kinds are storage, keys, ratelimit, job, secrets; "
                        "a name is lower-case letters, digits and single dashes, with single hyphens between")
  endif()
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/agentidp-plugin.map)
  add_library(${name} MODULE ${ARG_SOURCES})
  target_compile_features(${name} PRIVATE cxx_std_17)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name}
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON SKIP_BUILD_RPATH ON SKIP_INSTALL_RPATH ON
    LINK_DEPENDS ${map})
  if(AGENTIDP_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${AGENTIDP_PLUGIN_OUTPUT_DIRECTORY})
  else()
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack -Wl,--build-id
                      -Wl,--version-script=${map})
  # Clang leaves the sanitizer's run time to the executable.
  if(NOT (CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND AGENTIDP_SANITIZE))
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
  target_link_libraries(${name} PRIVATE agentidp::plugin ${ARG_LIBS})
  if(NOT DEFINED AGENTIDP_PLUGIN_INSTALL_DIRECTORY)
    set(AGENTIDP_PLUGIN_INSTALL_DIRECTORY lib/agentidp/plugins)
  endif()
  if(NOT AGENTIDP_PLUGIN_INSTALL_DIRECTORY STREQUAL "NONE")
    install(TARGETS ${name} LIBRARY DESTINATION ${AGENTIDP_PLUGIN_INSTALL_DIRECTORY} COMPONENT plugins)
  endif()
endfunction()
