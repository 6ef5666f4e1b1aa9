import "./styles.css";
import "../src/main";
