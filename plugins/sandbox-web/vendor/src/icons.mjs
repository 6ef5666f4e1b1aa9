// The icons of lucide-react that apps may use: a subset, so that an app does not load 1 700 of
// them for the ten that it shows. The import check names the nearest of these for any other.
export const icons = `
  Activity Airplay AlarmClock AlertCircle AlertTriangle AlignLeft Archive ArrowDown ArrowDownLeft
  ArrowDownRight ArrowDownUp ArrowLeft ArrowLeftRight ArrowRight ArrowRightLeft ArrowUp ArrowUpDown
  ArrowUpLeft ArrowUpRight AtSign Award BadgeCheck BadgeDollarSign BadgePercent Ban Banknote
  BarChart BarChart2 BarChart3 BarChart4 Barcode Bell BellOff Bike Book BookOpen Bookmark Bot Box
  Boxes Briefcase BriefcaseBusiness Brush Bug Building Building2 Bus Cake Calculator Calendar
  CalendarCheck CalendarClock CalendarDays CalendarRange CalendarX Camera Car ChartArea ChartBar
  ChartColumn ChartLine ChartNoAxesColumn ChartNoAxesCombined ChartPie ChartSpline Check CheckCheck
  CheckCircle CheckCircle2 CheckSquare ChevronDown ChevronFirst ChevronLast ChevronLeft ChevronRight
  ChevronUp ChevronsDown ChevronsLeft ChevronsRight ChevronsUp ChevronsUpDown Circle CircleAlert
  CircleCheck CircleCheckBig CircleDollarSign CircleDot CircleHelp CircleMinus CirclePlus CircleUser
  CircleX Clipboard ClipboardCheck ClipboardList Clock Cloud CloudDownload CloudUpload Code Cog
  Coins Columns2 Columns3 Command Compass Copy CornerDownLeft Cpu CreditCard Crown Database Delete
  Disc DollarSign Download Droplet Edit Edit2 Edit3 Ellipsis EllipsisVertical Equal Euro
  ExternalLink Eye EyeOff Factory FastForward File FileBarChart FileChartColumn FileCheck FileDown
  FileSpreadsheet FileText FileUp FileX Files Filter FilterX Flag Flame Folder FolderOpen Forklift
  Frown Funnel Gauge Gem Gift GitBranch GitCommitHorizontal GitMerge Globe GraduationCap Grid
  Grid2x2 Grid3x3 GripVertical Hammer HandCoins Handshake HardDrive Hash Headphones Heart HeartPulse
  HelpCircle History Home Hospital Hotel Hourglass House Image Inbox IndianRupee Info JapaneseYen
  Kanban Key KeyRound Keyboard Landmark Laptop Layers LayoutDashboard LayoutGrid LayoutList Leaf
  LifeBuoy Lightbulb LineChart Link Link2 List ListChecks ListFilter ListOrdered ListTodo Loader
  Loader2 LoaderCircle Lock LogIn LogOut Mail MailCheck Map MapPin Maximize Maximize2 Medal
  Megaphone Meh Menu MessageCircle MessageSquare Mic Minimize Minimize2 Minus Monitor Moon
  MoreHorizontal MoreVertical MousePointerClick Music Network Newspaper Package Package2
  PackageCheck PackageMinus PackageOpen PackagePlus PackageSearch PackageX Palette PanelLeft
  Paperclip Pause Pen PenLine Pencil Percent Phone PhoneCall PieChart PiggyBank Pill Pin Plane Play
  Plug Plus PlusCircle PoundSterling Power Presentation Printer Puzzle QrCode Quote Receipt
  ReceiptText Redo RefreshCcw RefreshCw Repeat Reply RotateCcw RotateCw Route Ruler Save Scale Scan
  Scissors Search SearchX Send Server Settings Settings2 Share Share2 Shield ShieldAlert ShieldCheck
  Ship Shirt ShoppingBag ShoppingBasket ShoppingCart Shuffle Sigma Signal SlidersHorizontal
  Smartphone Smile Sparkles Square SquareCheck SquarePen Star Stethoscope StickyNote Store Sun
  SunMoon Table Table2 Tablet Tag Tags Target Terminal Thermometer ThumbsDown ThumbsUp Ticket Timer
  ToggleLeft ToggleRight Trash Trash2 TrendingDown TrendingUp TriangleAlert Trophy Truck Type
  Umbrella Undo Unlink Unlock Upload User UserCheck UserCircle UserCog UserMinus UserPlus UserRound
  UserX Users UsersRound Utensils Video Wallet WalletCards Wand2 Warehouse Watch Weight Wifi WifiOff
  Wind Wrench X XCircle XSquare Zap ZoomIn ZoomOut
`.trim().split(/\s+/);
