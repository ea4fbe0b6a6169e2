# SPDX-License-Identifier: Apache-2.0
# What is installed beside the program and its connectors, which their own targets install.
file(RELATIVE_PATH NATSWAY_PREFIX_FROM_PC ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
     ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/natsway.pc.in ${CMAKE_BINARY_DIR}/generated/natsway.pc
               @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/natsway.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES core/include/natsway/connector.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/natsway)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES examples/tour/tour.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY connectors/skeleton/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/skeleton)
