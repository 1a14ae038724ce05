Creator "Mark Newman on Sat Jul 22 05:32:16 2006"
graph [
  directed 0
  node [
    id 0
    label "Acciaiuoli"
  ]
  node [
    id 1
    label "Medici"
  ]
  node [
    id 2
    label "Castellani"
  ]
  node [
    id 3
    label "Peruzzi"
  ]
  node [
    id 4
    label "Strozzi"
  ]
  node [
    id 5
    label "Barbadori"
  ]
  node [
    id 6
    label "Ridolfi"
  ]
  node [
    id 7
    label "Tornabuoni"
  ]
  node [
    id 8
    label "Albizzi"
  ]
  node [
    id 9
    label "Salviati"
  ]
  node [
    id 10
    label "Pazzi"
  ]
  node [
    id 11
    label "Bischeri"
  ]
  node [
    id 12
    label "Guadagni"
  ]
  node [
    id 13
    label "Ginori"
  ]
  node [
    id 14
    label "Lamberteschi"
  ]
  edge [
    source 0
    target 1
    value 1
  ]
  edge [
    source 1
    target 5
    value 1
  ]
  edge [
    source 1
    target 6
    value 1
  ]
  edge [
    source 1
    target 7
    value 1
  ]
  edge [
    source 1
    target 8
    value 1
  ]
  edge [
    source 1
    target 9
    value 1
  ]
  edge [
    source 2
    target 3
    value 1
  ]
  edge [
    source 2
    target 4
    value 1
  ]
  edge [
    source 2
    target 5
    value 1
  ]
  edge [
    source 3
    target 4
    value 1
  ]
  edge [
    source 3
    target 11
    value 1
  ]
  edge [
    source 4
    target 6
    value 1
  ]
  edge [
    source 4
    target 11
    value 1
  ]
  edge [
    source 6
    target 7
    value 1
  ]
  edge [
    source 7
    target 12
    value 1
  ]
  edge [
    source 8
    target 13
    value 1
  ]
  edge [
    source 8
    target 12
    value 1
  ]
  edge [
    source 9
    target 10
    value 1
  ]
  edge [
    source 11
    target 12
    value 1
  ]
  edge [
    source 12
    target 14
    value 1
  ]
]
