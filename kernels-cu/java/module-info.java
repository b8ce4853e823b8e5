/**
 * Carries the native library of one platform as a resource; every platform's jar is this module. It exists so
 * that {@code dev.lnrnn} finds the library on the module path as it does on the class path.
 */
module dev.lnrnn.natives {
}
