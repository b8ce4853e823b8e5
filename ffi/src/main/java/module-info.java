/**
 * Layer-normalised recurrent networks (LSTM, GRU, IndRNN) for Java, computed by one native library.
 *
 * <p>{@link dev.lnrnn} has devices, their memory, layers and passes; {@link dev.lnrnn.interop} has file formats. The
 * native library is called through {@link java.lang.foreign}. Start a program with
 * {@code --enable-native-access=dev.lnrnn}, or with {@code ALL-UNNAMED} in its place on the class path.
 */
module dev.lnrnn {
    requires com.fasterxml.jackson.core;
    // Has no classes: it brings the jar with the native library along on the module path.
    requires dev.lnrnn.natives;
    // To compile against; a program that was compiled needs it no more.
    requires static transitive org.jspecify;

    exports dev.lnrnn;
    exports dev.lnrnn.interop;
}
