# SPDX-License-Identifier: Apache-2.0
# What every target of natsway shares: warnings, sanitizers, feature macros.

add_library(natsway_flags INTERFACE)
target_compile_definitions(natsway_flags INTERFACE _GNU_SOURCE)
target_compile_options(natsway_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion
                       -Wstrict-prototypes -Wvla)
# Texts for people are cut where their place ends, on purpose; gcc sees that only when it optimises.
target_compile_options(natsway_flags INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
if(NATSWAY_WERROR)
    target_compile_options(natsway_flags INTERFACE -Werror)
endif()
if(NATSWAY_SANITIZE)
    # What gcc knows of overlapping arguments is wrong in instrumented code.
    target_compile_options(natsway_flags INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-restrict>)
    target_compile_options(natsway_flags INTERFACE -fsanitize=${NATSWAY_SANITIZE}
                           -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_link_options(natsway_flags INTERFACE -fsanitize=${NATSWAY_SANITIZE})
endif()

# What drives natsway from outside in the tests is built without the thread sanitizer: Criterion does
# not run with it, and it is natsway's threads that are looked at.
add_library(natsway_driver_flags INTERFACE)
string(FIND "${NATSWAY_SANITIZE}" thread natsway_thread)
if(natsway_thread EQUAL -1)
    set(NATSWAY_TSAN OFF)
    target_link_libraries(natsway_driver_flags INTERFACE natsway_flags)
else()
    set(NATSWAY_TSAN ON)
    # Tests ask for this where what natsway needs (memory, time) is the sanitizer's.
    target_compile_definitions(natsway_driver_flags INTERFACE _GNU_SOURCE __SANITIZE_THREAD__)
endif()

# The one header a connector may see.
add_library(natsway_contract INTERFACE)
target_include_directories(natsway_contract INTERFACE ${PROJECT_SOURCE_DIR}/core/include)

# natsway_library(NAME folder): a static library of all .c files of the folder, private to natsway.
# What it may use is what it links: the arrows of docs/internals point one way.
function(natsway_library name folder)
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
    if(NOT sources)
        set(sources ${PROJECT_SOURCE_DIR}/cmake/empty.c)
    endif()
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC natsway_contract ${ARGN} PRIVATE natsway_flags)
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR})
endfunction()

# libjq comes without a pkg-config file.
function(natsway_find_jq)
    find_path(JQ_INCLUDE_DIR jq.h REQUIRED)
    find_library(JQ_LIBRARY jq REQUIRED)
    add_library(natsway_jq INTERFACE)
    target_include_directories(natsway_jq INTERFACE ${JQ_INCLUDE_DIR})
    target_link_libraries(natsway_jq INTERFACE ${JQ_LIBRARY})
endfunction()

# natsway_connector(NAME SOURCES… LIBRARIES…): a shared object NAME.so beside the program, or, in a
# static build, part of the program.
function(natsway_connector name)
    cmake_parse_arguments(arg "NO_INSTALL" "" "SOURCES;LIBRARIES" ${ARGN})
    if(NATSWAY_STATIC_CONNECTORS AND NOT arg_NO_INSTALL)
        add_library(connector_${name} OBJECT ${arg_SOURCES})
        set_property(GLOBAL APPEND PROPERTY NATSWAY_LINKED_CONNECTORS ${name})
        foreach(library ${arg_LIBRARIES}) # found in the connector's folder, used outside of it
            if(TARGET ${library})
                get_target_property(imported ${library} IMPORTED)
                get_target_property(global ${library} IMPORTED_GLOBAL)
                if(imported AND NOT global)
                    set_target_properties(${library} PROPERTIES IMPORTED_GLOBAL TRUE)
                endif()
            endif()
        endforeach()
    else()
        add_library(connector_${name} MODULE ${arg_SOURCES})
        set_target_properties(connector_${name} PROPERTIES OUTPUT_NAME ${name} PREFIX ""
            LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/connectors)
        if(NOT arg_NO_INSTALL)
            install(TARGETS connector_${name}
                    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/natsway/connectors)
        endif()
    endif()
    target_link_libraries(connector_${name} PRIVATE natsway_contract natsway_flags
                          Threads::Threads ${arg_LIBRARIES})
endfunction()

# natsway_linked_connectors(TARGET): the table of the connectors that are part of the program, and in
# a static build the connectors themselves. After all natsway_connector() calls.
function(natsway_linked_connectors target)
    get_property(names GLOBAL PROPERTY NATSWAY_LINKED_CONNECTORS)
    set(NATSWAY_LINKED_DECLARATIONS "")
    set(NATSWAY_LINKED_NAMES "")
    foreach(name ${names})
        string(APPEND NATSWAY_LINKED_DECLARATIONS
               "const struct nw_connector *nw_connector_${name}(void);\n")
        string(APPEND NATSWAY_LINKED_NAMES "nw_connector_${name}, ")
    endforeach()
    configure_file(${PROJECT_SOURCE_DIR}/cmake/linked_connectors.c.in
                   ${CMAKE_BINARY_DIR}/generated/linked_connectors.c @ONLY)
    add_library(${target} STATIC ${CMAKE_BINARY_DIR}/generated/linked_connectors.c)
    target_link_libraries(${target} PUBLIC natsway_contract PRIVATE natsway_flags)
    foreach(name ${names})
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:connector_${name}>)
        get_target_property(libraries connector_${name} LINK_LIBRARIES)
        target_link_libraries(${target} PUBLIC ${libraries})
    endforeach()
endfunction()
